"""`sweeps wandb-dashboard`: a plan as a W&B workspace: what decides about a clip, a line an arm, seeds aggregated.

It is built and written offline; only `--push` needs an account.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from sspo.config import TrackingConfig
from sspo.errors import UserError
from sspo.metrics import GLOSSARY
from sweeps.integrations.wandb_sweep import default_path, write
from sweeps.plan.plan import Plan

SECTIONS = {
    "Clip fraction": (
        "policy/clip_frac",
        "policy/clip_frac_low",
        "policy/clip_frac_high",
        "policy/clip_frac_active",
        "policy/clip_frac_active_low",
        "policy/clip_frac_active_high",
        "policy/clip_frac_matched",
    ),
    "Accuracy": ("rollout/accuracy", "reward/mean", "rollout/zero_advantage_group_frac"),
    "Entropy": ("rollout/entropy_token", "rollout/entropy_segment", "rollout/entropy_segment_sd"),
    "Length": (
        "rollout/response_tokens",
        "rollout/truncated_frac",
        "rollout/segments_per_response",
        "rollout/tokens_per_segment",
    ),
    "Ratio spread": (
        "policy/ratio_std",
        "policy/token_log_ratio_std",
        "policy/ratio_min",
        "policy/ratio_p01",
        "policy/ratio_p50",
        "policy/ratio_p99",
        "policy/ratio_max",
    ),
    "What the clip keeps": ("policy/extreme_retained_frac", "policy/collateral_clip_frac"),
    "Sampler and trainer": (
        "rollout/mismatch_mean",
        "rollout/mismatch_max",
        "rollout/mismatch_frac",
        "rollout/mismatch_kl",
        "policy/mis_masked_frac",
        "policy/tis_weight_mean",
    ),
    "Stability": ("optim/grad_norm", "policy/kl_k3", "policy/loss"),
}
"""Panels by section; every key is one of the glossary, as no other is logged."""


def export_dashboard(
    plan: Plan, out: Path | None, entity: str | None, project: str | None, push: bool, console: Console
) -> int:
    """Write the workspace as JSON, by default below the store, and save it to W&B where `push` says so. Returns 0.

    Raises UserError where it cannot be written, or pushed without an entity or an account.
    """
    if push and not entity:
        raise UserError("--push saves the workspace to an account: add --entity <your W&B user or team>")
    built = workspace(plan, entity or "", project or TrackingConfig().project)
    path = out or default_path(plan, "wandb-workspace.json")
    write(path, json.dumps(specification(built), indent=1, ensure_ascii=False) + "\n")
    console.print(Text(f"wrote {path}: {sum(map(len, SECTIONS.values()))} panels"), soft_wrap=True)
    if push:
        _push(built)
    return 0


def workspace(plan: Plan, entity: str, project: str) -> Any:
    """The `wandb_workspaces.workspaces.Workspace` of a plan.

    Runs are found by the tags of their cells, as a baseline may have been trained for another study, and grouped by arm;
    a line is the mean over seeds and its band their range, which from few seeds claims no more than they show.
    """
    import wandb_workspaces.workspaces as ws
    from wandb_workspaces import expr

    cells = list(dict.fromkeys(f"cell:{arm.cell}" for arm in plan.arms))
    return ws.Workspace(
        entity=entity,
        project=project,
        name=plan.title(),
        sections=[
            ws.Section(name=name, is_open=True, panels=[_panel(key) for key in keys])
            for name, keys in SECTIONS.items()
        ],
        settings=ws.WorkspaceSettings(max_runs=max(10, len(plan.arms))),
        runset_settings=ws.RunsetSettings(
            filters=expr.And(expr.Tags().isin(cells)), groupby=[expr.Config("run.arm")]
        ),
    )


def _panel(key: str) -> Any:
    import wandb_workspaces.reports.v2 as wr

    return wr.LinePlot(
        title=f"{key} ({GLOSSARY[key].unit})",
        y=[key],
        title_x="optimiser steps",
        groupby=wr.Config("run.arm"),
        groupby_aggfunc="mean",
        groupby_rangefunc="minmax",
    )


def specification(built: Any) -> dict[str, Any]:
    """A workspace as the JSON that W&B stores. The same plan gives the same bytes: panels are numbered."""
    view: dict[str, Any] = json.loads(built._to_model().model_dump_json(by_alias=True, exclude_none=True))
    sections = view["spec"]["section"]["panelBankConfig"]["sections"]
    for number, panel in enumerate(panel for section in sections for panel in section["panels"]):
        panel["__id__"] = f"panel{number:03d}"
    return view


def _push(built: Any) -> None:
    import wandb

    try:
        built.save()
    except (wandb.Error, ValueError, OSError) as error:
        raise UserError(
            f"W&B did not take the workspace: {' '.join(str(error).split())}; log in with `wandb login` and push again"
        ) from error
