"""The workspace: only keys that are logged, one line per arm, and readable by W&B's own model."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console
from wandb_workspaces.workspaces import Workspace
from wandb_workspaces.workspaces.internal import View

from sspo.config.places import CONF_ROOT
from sspo.errors import UserError
from sspo.metrics import GLOSSARY, TIMING_KEYS
from sspo.runs.mirror_tables import STATUSES
from sweeps.integrations.wandb_workspace import export_dashboard, specification
from sweeps.plan.plan import Plan, make_plan
from sweeps.study.load import load

SILENT = Console(file=io.StringIO())


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return make_plan(load(CONF_ROOT / "study", "clip_ablation"), "default", tmp_path)


def written(plan: Plan, path: Path) -> dict:
    assert export_dashboard(plan, path, None, None, False, SILENT) == 0
    return json.loads(path.read_text())


def test_every_panel_shows_keys_that_are_logged_by_arm_over_seeds(plan: Plan, tmp_path: Path) -> None:
    section = written(plan, tmp_path / "workspace.json")["spec"]["section"]
    by_name = {item["name"]: item["panels"] for item in section["panelBankConfig"]["sections"]}
    plots = [p["config"] for group in by_name.values() for p in group if p["viewType"] != "Weave"]
    shown = [key for panel in plots for key in panel["metrics"]]
    assert len(shown) == len(set(shown))
    own = {key for key in shown if not key.startswith(("eval/", "curve/"))}
    assert own <= set(GLOSSARY | TIMING_KEYS)
    assert {"Clip fraction", "Entropy", "Accuracy", "Length", "Ratio spread", "Graders", "Samples"} <= set(
        by_name
    )
    assert {"policy/clip_frac_low", "policy/clip_frac_high", "rollout/accuracy", "memory/device_peak"} <= own
    # what a run of the plan mirrors of its evaluations: five sets and their average; the base at T = 0.5 too
    sets = ("short", "medium", "long", "longer", "products", "average")
    assert {key for key in shown if key.startswith("curve/")} == {f"curve/{name}" for name in sets}
    ways = ("greedy", "sampled_1", "sampled_0.5")
    scores = {f"eval/{name}/{how}" for name in sets for how in ways}
    statuses = {f"eval/average/{how}/{status}" for how in ways for status in STATUSES}
    assert {key for key in shown if key.startswith("eval/")} == scores | statuses
    (samples,) = by_name["Samples"]
    assert '"samples"' in json.dumps(samples)
    # config={"run": {"arm": ...}} is stored by W&B as run.value.arm
    assert {(p["groupBy"], p["groupAgg"], p["groupArea"]) for p in plots} == {
        ("run.value.arm", "mean", "minmax")
    }
    assert section["runSets"][0]["grouping"] == [{"section": "config", "name": "run.value.arm"}]


def test_it_shows_the_runs_of_the_plan_and_hides_no_arm(plan: Plan, tmp_path: Path) -> None:
    section = written(plan, tmp_path / "workspace.json")["spec"]["section"]
    (only,) = section["runSets"][0]["filters"]["filters"]
    assert (only["key"]["name"], only["op"]) == ("tags", "IN")
    assert set(only["value"]) == {f"cell:{arm.cell}" for arm in plan.arms}
    assert section["settings"]["maxRuns"] >= len(plan.arms)


def test_the_packages_own_model_reads_it_back(plan: Plan, tmp_path: Path) -> None:
    content = written(plan, tmp_path / "workspace.json")
    again = specification(Workspace._from_model(View.model_validate(content)))
    assert again == content
    assert written(plan, tmp_path / "second.json") == content


def test_pushing_takes_an_entity_and_an_account(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "workspace.json"
    with pytest.raises(UserError, match="add --entity"):
        export_dashboard(plan, path, None, None, True, SILENT)
    assert not path.exists()
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    with pytest.raises(UserError, match="W&B refused the workspace: No API key configured"):
        export_dashboard(plan, path, "me", None, True, SILENT)
