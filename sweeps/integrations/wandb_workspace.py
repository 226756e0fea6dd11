"""`sweeps wandb-dashboard`: a plan as a W&B workspace with the metrics that judge a clip, one line per arm, aggregated over seeds.

It is built and written offline; only `--push` needs an account.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from sspo.compose.fast import quick_compose
from sspo.config import TrackingConfig
from sspo.errors import UserError
from sspo.metrics import GLOSSARY, TIMING_KEYS
from sspo.runs.mirror_tables import AVERAGE, CURVE, EVALUATED, SAMPLES, STATUSES, decoding
from sspo.tasks import open_task
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
    "Graders": (
        "rollout/wrong_frac",
        "rollout/unparsable_frac",
        "rollout/timeout_frac",
        "rollout/crashed_frac",
        "rollout/grader_disagreement_frac",
    ),
    "Speed and memory": tuple(TIMING_KEYS),
}
"""Panels of every plan by section; every key is in the glossary."""


def export_dashboard(
    plan: Plan, out: Path | None, entity: str | None, project: str | None, push: bool, console: Console
) -> int:
    """Write the workspace as JSON, by default in the store, and save it to W&B if `push` is set. Returns 0.

    Raises UserError if it cannot be written, or cannot be pushed for lack of an entity or an account.
    """
    if push and not entity:
        raise UserError("--push saves the workspace to an account: add --entity <your W&B user or team>")
    built = workspace(plan, entity or "", project or TrackingConfig().project)
    path = out or default_path(plan, "wandb-workspace.json")
    write(path, json.dumps(specification(built), indent=1, ensure_ascii=False) + "\n")
    panels = sum(len(section.panels) for section in built.sections)
    console.print(Text(f"wrote {path}: {panels} panels"), soft_wrap=True)
    if push:
        _push(built)
    return 0


def workspace(plan: Plan, entity: str, project: str) -> Any:
    """Return the `wandb_workspaces.workspaces.Workspace` of a plan.

    Runs are found by the tags of their cells, because a baseline may have been trained for another study, and grouped by arm.
    A line is the mean over seeds and its band is their range, which does not overclaim with few seeds.
    """
    import wandb_workspaces.workspaces as ws
    from wandb_workspaces import expr

    cells = list(dict.fromkeys(f"cell:{arm.cell}" for arm in plan.arms))
    return ws.Workspace(
        entity=entity,
        project=project,
        name=plan.title(),
        sections=[
            ws.Section(name=name, is_open=True, panels=panels)
            for name, panels in {**_held_out(plan), **_logged(), "Samples": [_samples()]}.items()
            if panels
        ],
        settings=ws.WorkspaceSettings(max_runs=max(10, len(plan.arms))),
        runset_settings=ws.RunsetSettings(
            filters=expr.And(expr.Tags().isin(cells)), groupby=[expr.Config("run.arm")]
        ),
    )


def _logged() -> dict[str, list[Any]]:
    """Return panels for the keys of metrics.jsonl and timing.jsonl."""
    units = {key: entry.unit for key, entry in (GLOSSARY | TIMING_KEYS).items()}
    return {name: [_line(key, units[key]) for key in keys] for name, keys in SECTIONS.items()}


def _held_out(plan: Plan) -> dict[str, list[Any]]:
    """Return panels of evaluations: one bar per arm for the last one, one line for those before it. Sets and decodings are those of the
    arms."""
    sets, ways, curves = dict[str, None](), dict[str, None](), dict[str, None]()
    for arm in plan.arms:
        config = quick_compose(arm.overrides)
        own = open_task(config.task).eval_sets
        sets |= dict.fromkeys(own)
        curves |= dict.fromkeys(own if config.evaluation.every and config.trainer.rollouts else ())
        for temperature in (0.0, *config.evaluation.temperatures):
            mode = "sampled" if temperature else "greedy"
            ways[decoding({"mode": mode, "temperature": temperature})] = None
    last = [_bar(f"{EVALUATED}/{name}/{how}") for how in ways for name in (*sets, AVERAGE)]
    statuses = [_bar(f"{EVALUATED}/{AVERAGE}/{how}/{status}") for how in ways for status in STATUSES]
    while_training = [_line(f"{CURVE}/{name}", "share") for name in (*curves, AVERAGE)] if curves else []
    return {
        "Held-out accuracy": last,
        "Held-out accuracy while training": while_training,
        "Statuses of held-out answers": statuses,
    }


def _line(key: str, unit: str) -> Any:
    import wandb_workspaces.reports.v2 as wr

    return wr.LinePlot(
        title=f"{key} ({unit})",
        y=[key],
        title_x="optimizer steps",
        groupby=wr.Config("run.arm"),
        groupby_aggfunc="mean",
        groupby_rangefunc="minmax",
    )


def _bar(key: str) -> Any:
    import wandb_workspaces.reports.v2 as wr

    return wr.BarPlot(
        title=f"{key} (share)",
        metrics=[key],
        groupby=wr.Config("run.arm"),
        groupby_aggfunc="mean",
        groupby_rangefunc="minmax",
    )


def _samples() -> Any:
    import wandb_workspaces.reports.v2 as wr

    return wr.WeavePanelSummaryTable(table_name=SAMPLES)


def specification(built: Any) -> dict[str, Any]:
    """Return a workspace as the JSON that W&B stores. The same plan gives the same bytes, because panels are numbered."""
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
            f"W&B refused the workspace: {' '.join(str(error).split())}; log in with `wandb login` and push again"
        ) from error
