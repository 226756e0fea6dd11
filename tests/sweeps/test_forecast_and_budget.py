"""Time and cost of a plan from finished trials of any study, and their comparison with a budget."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console

from sspo.compose.fast import quick_compose
from sspo.errors import UserError
from sweeps.control.sweep import RunOptions, run_sweep
from sweeps.ledger.state import standing
from sweeps.monitor.plan_view import show_plan, time_lines
from sweeps.monitor.status import show_status
from sweeps.plan import cost
from sweeps.plan.budget import budget_lines, check_budget
from sweeps.plan.cost import forecast
from sweeps.plan.finished import Cost
from sweeps.plan.plan import Plan, Trial, make_plan
from sweeps.study.load import parse

ARMS = {
    "grpo": {"overrides": ["objective=grpo"]},
    "sspo": {"overrides": ["objective=sspo"]},
    "long": {"overrides": ["objective=grpo", "trainer.rollouts=40"]},
}


@pytest.fixture(autouse=True)
def _no_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost, "visible_devices", tuple)


def plan(store: Path, arms: Sequence[str] = ("grpo", "sspo", "long"), **budget: float) -> Plan:
    default = {"seeds": 2, "arms": list(arms), "budget": budget}
    presets = {"smoke": {"seeds": 1}, "default": default, "paper": {"seeds": 8}}
    return make_plan(parse("small", {"baseline": "grpo", "arms": ARMS, "presets": presets}), "default", store)


def finish(trial: Trial, seconds: float, device: str = "cpu", threads: int = 1, **hardware: int) -> None:
    trial.folder.mkdir(parents=True)
    config = json.loads(json.dumps(asdict(quick_compose(trial.overrides))))
    (trial.folder / "config.yaml").write_text(yaml.safe_dump(config))
    described = {"hardware": {"device": device, "threads": threads, **hardware}}
    (trial.folder / "env.json").write_text(json.dumps(described))
    (trial.folder / "DONE.json").write_text(json.dumps({"seconds": seconds}))


def of(made: Plan, arm: str, seed: int) -> Trial:
    return next(trial for trial in made.trials() if (trial.arm, trial.seed) == (arm, seed))


def forecasted(made: Plan) -> cost.Forecast:
    return forecast(made, {trial: standing(trial.folder) for trial in made.trials()})


def test_nothing_is_told_before_any_trial_has_finished(tmp_path: Path) -> None:
    found = forecasted(plan(tmp_path))
    assert (found.untold, found.unknown, found.expected) == (6, ("grpo", "sspo", "long"), Cost())
    assert time_lines(found, 2) == [
        "no time estimate for 6 trials, because none of their cell or size has finished in this store: grpo, sspo, long"
    ]


def test_a_trial_is_judged_by_its_own_cell_else_by_runs_of_its_size_whatever_study_ran_them(
    tmp_path: Path,
) -> None:
    made = plan(tmp_path)
    finish(of(made, "grpo", 0), 3600, threads=2)
    other = parse("other", {"baseline": "a", "arms": {"a": {"overrides": ["objective=gspo"]}},
                            "presets": {name: {"seeds": 8} for name in ("smoke", "default", "paper")}})  # fmt: skip
    finish(make_plan(other, "default", tmp_path).trials()[0], 7200)
    found = forecasted(made)
    # grpo seed 1 by its cell: 3600 s; sspo twice by size: median of 3600 and 7200 = 5400; long twice: nothing of 40 rollouts
    assert (sorted(found.seconds), found.by_cell, found.by_size) == ([3600, 5400, 5400], 1, 2)
    assert (found.unknown, found.untold) == (("long",), 2)
    # spent: 1 h x 2 threads; left: 2 + twice the median of 2 core hours and 2 core hours
    assert (found.spent, found.left) == (Cost(core_hours=2), Cost(core_hours=6))
    assert found.seconds_left(2) == (3600 + 5400 + 5400) / 2
    assert found.seconds_left(8) == 5400


def test_times_on_another_kind_of_hardware_say_nothing_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = plan(tmp_path, ["grpo"])
    finish(of(made, "grpo", 0), 1800, device="cuda")
    found = forecasted(made)
    assert (found.spent, found.untold) == (Cost(device_hours=0.5), 1)
    monkeypatch.setattr(cost, "visible_devices", lambda: ("0",))
    assert forecasted(made).left == Cost(device_hours=0.5)


def test_device_hours_count_every_device_of_a_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost, "visible_devices", lambda: ("0", "1", "2", "3"))
    presets = {"smoke": {"seeds": 1}, "default": {"seeds": 3}, "paper": {"seeds": 8}}
    spec = {"baseline": "grpo", "arms": {"grpo": ARMS["grpo"]}, "resources": {"gpus": 2}, "presets": presets}
    made = make_plan(parse("wide", spec), "default", tmp_path)
    finish(of(made, "grpo", 0), 3600, device="cuda")  # as it ran before the study required two
    assert (forecasted(made).spent, forecasted(made).untold) == (Cost(device_hours=1), 2)
    finish(of(made, "grpo", 1), 1800, device="cuda", gpus=2)
    found = forecasted(made)
    # spent: 1 h x 1 device and 0.5 h x 2; left: seed 2, as the other one on two devices
    assert (found.spent, found.left) == (Cost(device_hours=2), Cost(device_hours=1))
    assert (found.seconds, found.widths) == ((1800.0,), (2,))
    assert time_lines(found, 4)[0].startswith("time left, on 4 slots: about 30 min")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("config.yaml", b"rollout: ["),
        ("config.yaml", b"[" * 100_000),
        ("DONE.json", b"null"),
        ("DONE.json", b"[" * 100_000),
        ("env.json", b"\xff"),
        ("env.json", b'{"hardware": [1]}'),
        ("env.json", b'{"versions": 5, "hardware": {"threads": "x"}}'),
    ],
)
def test_one_damaged_file_takes_neither_plan_nor_status_away(
    name: str, content: bytes, tmp_path: Path
) -> None:
    made = plan(tmp_path, ["grpo", "sspo"])
    finish(of(made, "grpo", 0), 60)
    (of(made, "grpo", 0).folder / name).write_bytes(content)
    console = Console(width=400)
    with console.capture() as printed:
        show_plan(made, 1, console)
    assert f"seed0/{name} is damaged" in printed.get()
    with console.capture() as printed:
        show_status(made, console)
    told = printed.get()
    if name == "DONE.json":
        assert "0 (broken)" in told
    if name == "DONE.json" or content in (
        b"\xff",
        b'{"versions": 5, "hardware": {"threads": "x"}}',
    ):  # what status reads
        assert f"seed0/{name} is damaged" in told


# two grpo trials of an hour each on one core, one of them done
@pytest.mark.parametrize(
    ("hours", "said"),
    [(2.0, "is within it"), (1.5, "exceeds it by 0.5, so `sweeps run` will refuse to start")],
)
def test_a_plan_compares_its_budget_with_what_is_expected(tmp_path: Path, hours: float, said: str) -> None:
    made = plan(tmp_path, ["grpo"], core_hours=hours)
    finish(of(made, "grpo", 0), 3600)
    assert budget_lines(made, forecasted(made)) == [
        f"budget: {hours:g} core hours; spent 1; total with the remaining trials 2, which {said}"
    ]
    console = Console(width=200)
    with console.capture() as printed:
        show_plan(made, 1, console)
    assert said in printed.get()


def test_a_run_over_its_budget_is_refused_before_any_work_unless_told_otherwise(tmp_path: Path) -> None:
    made = plan(tmp_path, ["grpo"], core_hours=1.5)
    finish(of(made, "grpo", 0), 3600)
    with pytest.raises(UserError) as refusal:
        run_sweep(made, RunOptions(workers=1), Console())
    assert "would cost 2 core hours in all, estimated from finished trials, and presets.default.budget.core_hours is 1.5" in str(
        refusal.value
    )  # fmt: skip
    assert not (tmp_path / "studies").exists()
    assert check_budget(made, over_budget=True) == []
    assert check_budget(plan(tmp_path, ["grpo"], core_hours=2.0)) == []


def test_a_budget_that_cannot_be_judged_refuses_nothing_and_says_so(tmp_path: Path) -> None:
    [line] = check_budget(plan(tmp_path, ["grpo", "sspo"], core_hours=1.0, device_hours=None))  # type: ignore[arg-type]
    assert (
        "the total cannot yet be compared with it: 4 of the remaining trials resemble no finished trial"
        in line
    )


def test_what_is_known_to_exceed_a_budget_is_refused_although_the_rest_cannot_be_told(tmp_path: Path) -> None:
    made = plan(tmp_path, ["grpo", "long"], core_hours=1.5)
    finish(of(made, "grpo", 0), 3600)
    with pytest.raises(UserError, match="would cost 2 core hours"):
        check_budget(made)


@pytest.mark.parametrize("budget", [{"core_hours": 0}, {"core_hours": -1.0}, {"device_hours": float("nan")}])
def test_a_budget_that_makes_no_sense_is_refused(tmp_path: Path, budget: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=r"presets.default.budget.\w+ must be a positive number of hours"):
        plan(tmp_path, **budget)


def test_an_unknown_unit_of_a_budget_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"did you mean 'presets\.default\.budget\.core_hours'"):
        plan(tmp_path, core_hour=1)
