"""A finished study as Optuna trials: the trial of an arm, and refusals."""

from __future__ import annotations

import io
from pathlib import Path

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from rich.console import Console
from stub_searched import finish, log_run

from analysis.statistics.intervals import t_interval
from sspo.config.places import CONF_ROOT
from sspo.errors import UserError
from sspo.runs.runlog import mark_failed
from sweeps.plan.plan import Plan, make_plan
from sweeps.search.export import export_study
from sweeps.study.load import load, parse

SPEC = {
    "title": "probe",
    "baseline": "narrow",
    "arms": {
        "base": {"role": "base", "seeds": [0], "overrides": ["trainer.rollouts=0"]},
        "narrow": {"overrides": ["objective=grpo", "objective.clip.high=0.1"]},
        "wide": {"overrides": ["objective=grpo", "objective.clip.high=0.3"]},
        "broken": {"overrides": ["objective=grpo", "segmentation=line"]},
    },
    "presets": {
        "smoke": {"seeds": [0]},
        "default": {"seeds": [0, 1, 2]},
        "paper": {"seeds": list(range(8))},
    },
}
SCORES = {"base": 0.2, "narrow": 0.5, "wide": 0.6}


def plan_of(store: Path) -> Plan:
    return make_plan(parse("probe", SPEC), "default", store)


def train(plan: Plan) -> None:
    for trial in plan.trials():
        if trial.arm == "broken":
            mark_failed(trial.folder, "oom", "stub")
        else:
            log_run(trial.folder, SCORES[trial.arm] + 0.02 * trial.seed)
            finish(trial.folder)


def export(plan: Plan, out: Path | None = None) -> str:
    printed = io.StringIO()
    assert export_study(plan, out, Console(file=printed, width=300)) == 0
    return printed.getvalue()


def test_an_arm_is_a_trial_with_its_seeds_its_interval_and_what_tells_it_apart(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    train(plan)
    said = export(plan)
    assert "4 arms of probe (default)" in said
    assert f"`make optuna-dashboard JOURNAL={plan.store}/optuna/" in said
    path = tmp_path / "optuna" / "probe.journal"
    study = optuna.load_study(study_name="probe", storage=JournalStorage(JournalFileBackend(str(path))))
    by_arm = {trial.params["arm"]: trial for trial in study.trials}
    assert list(by_arm) == ["base", "narrow", "wide", "broken"]
    wide = by_arm["wide"]
    assert wide.params == {"arm": "wide", "objective.clip.high": 0.3, "segmentation.rule": "subsentence"}
    assert wide.value == pytest.approx(0.62)  # mean of 0.60, 0.62, 0.64
    assert wide.user_attrs["seeds"] == pytest.approx({"0": 0.6, "1": 0.62, "2": 0.64})
    interval = t_interval([0.6, 0.62, 0.64])
    assert wide.user_attrs["interval95"] == pytest.approx([interval.low, interval.high])
    assert wide.user_attrs["cell"] == plan.arm("wide").cell
    assert wide.intermediate_values[20] == pytest.approx(0.62)
    assert by_arm["base"].params == {"arm": "base"}
    assert by_arm["base"].user_attrs["interval95"] is None  # one run has no interval
    assert by_arm["broken"].state.name == "FAIL"
    assert by_arm["broken"].user_attrs["outcomes"] == {"0": "failed", "1": "failed", "2": "failed"}
    first = path.read_bytes()
    export(plan)
    assert len(path.read_bytes().splitlines()) == len(first.splitlines())  # overwritten, not appended to


def test_an_unfinished_study_and_a_file_that_is_there_are_refused(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    with pytest.raises(UserError, match=r"10 of 10 runs of probe \(default\) are not over"):
        export(plan)
    train(plan)
    there = tmp_path / "there.journal"
    there.write_text("mine")
    with pytest.raises(UserError, match="exists; name a new file"):
        export(plan, there)
    assert there.read_text() == "mine"
    assert not list(tmp_path.glob("**/.*"))


def test_the_arms_of_a_real_study_differ_in_what_optuna_can_hold(tmp_path: Path) -> None:
    plan = make_plan(load(CONF_ROOT / "study", "clip_ablation"), "smoke", tmp_path)
    for trial in plan.trials():
        log_run(trial.folder, 0.5)
        finish(trial.folder)
    export(plan, tmp_path / "out.journal")
    storage = JournalStorage(JournalFileBackend(str(tmp_path / "out.journal")))
    params = optuna.load_study(study_name="clip_ablation.smoke", storage=storage).trials[-1].params
    assert params["objective.ratio"] == "segment"
    assert params["objective.bounds.alpha"] == 0.5
