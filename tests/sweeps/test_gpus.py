"""Trials with several CUDA devices: their overrides, the devices that they see, and refusals before any work."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from test_pool import make_trials

from sspo.compose.fast import quick_compose
from sspo.errors import UserError
from sspo.runs.identity import cell_hash
from sweeps.control.sweep import RunOptions, run_sweep, train
from sweeps.integrations.trial import run_trial
from sweeps.ledger.state import standing
from sweeps.monitor.plan_view import show_plan
from sweeps.monitor.show import show_arm
from sweeps.monitor.status import show_status
from sweeps.plan import sampling
from sweeps.plan.devices import processors
from sweeps.plan.plan import Plan, Trial, make_plan
from sweeps.plan.workload import workload
from sweeps.search.corners import check_corners
from sweeps.search.load import parse as parse_search
from sweeps.study.limits import Resources
from sweeps.study.load import parse
from sweeps.workers.worker import train_command

QUIET = Console(width=200, file=Path(os.devnull).open("w"))  # noqa: SIM115
CHILD = """
import json, os, pathlib, sys, time
folder, log, held = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), os.environ["CUDA_VISIBLE_DEVICES"].split(",")
def say(what):
    with log.open("a") as stream:
        stream.write(json.dumps([what, folder.parent.name, held]) + chr(10))
say("start")
time.sleep(0.3)
say("end")
(folder / "DONE.json").write_text(json.dumps({"steps": 1, "rollouts": 1, "seconds": 1.0}))
"""


def plan(store: Path, arms: dict[str, Any], **head: Any) -> Plan:
    presets = {"smoke": {"seeds": 1}, "default": {"seeds": 1}, "paper": {"seeds": 8}}
    study = parse("wide", {"baseline": "grpo", "arms": arms, "presets": presets, **head})
    return make_plan(study, "default", store)


def test_a_trial_is_told_of_its_devices_where_it_has_several_and_its_cell_stays(tmp_path: Path) -> None:
    arms = {
        "grpo": {"overrides": ["objective=grpo", "rollout=vllm"]},
        "gspo": {"overrides": ["objective=gspo"], "resources": {"gpus": 1}},
    }
    usual, wide = plan(tmp_path, arms), plan(tmp_path, arms, resources={"gpus": 2, "threads": 3})
    told = {trial.arm: list(train_command("s")(trial)) for trial in wide.trials()}
    before = {trial.arm: list(train_command("s")(trial)) for trial in usual.trials()}
    assert [word for word in told["grpo"] if word.startswith("run.gpus")] == ["run.gpus=2"]
    assert [
        arm for arm, words in {**before, "gspo": told["gspo"]}.items() if "run.gpus" in " ".join(words)
    ] == []
    for trial in wide.trials():
        words = told[trial.arm]
        assert cell_hash(quick_compose(words[words.index("sspo.train") + 1 :])) == trial.cell
    assert [trial.cell for trial in wide.trials()] == [trial.cell for trial in usual.trials()]
    assert (
        wide.study.sha256()
        == plan(tmp_path, {**arms, "gspo": {"overrides": ["objective=gspo"]}}).study.sha256()
    )
    console = Console(width=300)
    with console.capture() as printed:
        show_arm(wide, "grpo", console)
    assert printed.get().splitlines()[0].endswith("seed=0 run.gpus=2")


def test_children_see_devices_that_no_other_sees_and_the_wide_one_has_its_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,GPU-2,3")
    gpus = {"a": None, "b": 3, "c": 1, "d": 2, "e": None, "f": 4}
    trials = [
        replace(trial, resources=Resources(gpus=gpus[trial.arm]))
        for trial in make_trials(tmp_path, list(gpus))
    ]
    log = tmp_path / "log"

    def command(trial: Trial) -> list[str]:
        return [sys.executable, "-S", "-c", CHILD, str(trial.folder), str(log)]

    assert train("study", trials, RunOptions(), QUIET, command)
    held: list[str] = []
    seen: dict[str, list[str]] = {}
    for what, arm, devices in map(json.loads, log.read_text().splitlines()):
        if what == "start":
            seen[arm] = devices
            assert not set(held) & set(devices)
            held += devices
        else:
            held = [device for device in held if device not in devices]
    assert {arm: len(devices) for arm, devices in seen.items()} == {
        arm: number or 1 for arm, number in gpus.items()
    }
    assert seen["f"] == ["0", "1", "GPU-2", "3"]
    assert seen["a"] + seen["b"] == ["0", "1", "GPU-2", "3"]  # they start together, in the plan's order
    assert [standing(trial.folder).state for trial in trials] == ["done"] * len(trials)


@pytest.mark.parametrize(
    ("devices", "options", "resources", "said"),
    [
        ("", {}, {"gpus": 2}, "arm 'grpo' requires 2 CUDA devices per trial and this machine has none; lower its resources.gpus"),
        ("0,5", {}, {"gpus": 4}, r"requires 4 CUDA devices per trial and this machine has 2 of them \(0, 5\); lower"),
        ("0,5", {"workers": 1}, {"gpus": 2}, r"requires 2 CUDA devices per trial and there are 1 slots; raise --workers \(make: WORKERS\) to 2"),
        ("0,5", {}, {"threads": processors() + 2}, f"requires {processors() + 2} threads per trial and there are {max(processors(), 2)} slots"),
        ("", {"engine": "slurm", "engine_options": ["executor=local"]}, {"gpus": 2}, "this machine has none"),
        ("", {"engine": "ray"}, {"gpus": 2}, "this machine has none"),
    ],
)  # fmt: skip
def test_a_trial_that_would_wait_for_ever_is_refused_in_one_sentence(
    devices: str, options: dict[str, Any], resources: dict[str, int], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", devices)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(
        "sweeps.engines.registry.find_spec", lambda name: object()
    )  # these refuse before they import it
    monkeypatch.setattr(sampling, "find_spec", lambda name: object())
    overrides = ["objective=grpo", "rollout=vllm"]
    wide = plan(tmp_path, {"grpo": {"overrides": overrides, "resources": resources}})
    with pytest.raises(UserError, match=said):
        train("study", wide.trials(), RunOptions(**options), QUIET, None)
    assert not list(tmp_path.glob("cells/*/seed0/*"))


@pytest.mark.parametrize(
    ("gpus", "said"),
    [
        (0, r"resources\.gpus must be at least 1, got 0"),
        (0.5, r"resources\.gpus must be a whole number, got 0\.5"),
        (True, r"resources\.gpus must be a whole number"),
        ("all", r"resources\.gpus must be a whole number, got 'all'"),
    ],
)
@pytest.mark.parametrize("of_arm", [False, True])
def test_a_number_of_devices_that_makes_no_sense_is_refused(of_arm: bool, gpus: object, said: str) -> None:
    arm: dict[str, Any] = {"overrides": ["objective=grpo"]}
    head: dict[str, Any] = {"resources": {"gpus": gpus}}
    arms = {"grpo": {**arm, **head} if of_arm else arm}
    with pytest.raises(UserError, match=(r"arms\.grpo\." if of_arm else "") + said):
        plan(Path("runs"), arms, **({} if of_arm else head))


def test_a_study_that_samples_with_what_is_not_here_is_refused_before_any_work_and_shown_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "find_spec", lambda name: None)
    arms = {
        "grpo": {"overrides": ["objective=grpo"]},
        "fast": {"overrides": ["objective=grpo", "rollout=vllm"]},
    }
    mixed = plan(tmp_path / "runs", arms)
    sentence = (
        "arm 'fast': rollout.engine=vllm requires vllm, which is not in this environment: run `make setup-vllm`, then run the whole study "
        r"there, as in `make sweep NAME=\.\.\. VLLM=1`"
    )
    with pytest.raises(UserError, match=sentence):
        run_sweep(mixed, RunOptions(), QUIET)
    with pytest.raises(UserError, match=sentence):
        show_plan(mixed, 1, QUIET)
    assert not (tmp_path / "runs").exists()
    assert show_status(mixed, QUIET) == 0
    space = {"rollout.engine": {"choices": ["transformers", "vllm"]}}
    search = parse_search("probe", {"space": space, "presets": {"default": {}}})
    with pytest.raises(UserError, match=r"probe: rollout\.engine=vllm requires vllm"):
        check_corners(search, "default")
    done = next(trial for trial in mixed.trials() if trial.arm == "fast")
    done.folder.mkdir(parents=True)
    (done.folder / "DONE.json").write_text(json.dumps({"seconds": 1.0}))
    assert show_plan(mixed, 1, QUIET) == 0  # a finished trial requires nothing
    monkeypatch.setattr(sampling, "find_spec", importlib.util.find_spec)
    assert sampling.why_not_sampled("transformers") is None


def test_devices_that_an_engine_would_leave_idle_are_refused(tmp_path: Path) -> None:
    wide = plan(tmp_path / "runs", {"grpo": {"overrides": ["objective=grpo"]}}, resources={"gpus": 2})
    with pytest.raises(
        UserError, match=r"requires 2 CUDA devices per trial, and rollout\.engine=transformers uses one"
    ):
        run_sweep(wide, RunOptions(), QUIET)


def test_one_trial_alone_takes_the_devices_that_its_study_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5")
    trainer = tmp_path / "trainer"
    trainer.write_text('#!/bin/sh\necho "$CUDA_VISIBLE_DEVICES" "$@"\nexit 1\n')
    trainer.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(trainer))
    monkeypatch.setattr(sampling, "find_spec", lambda name: object())
    arms = {"grpo": {"overrides": ["objective=grpo", "rollout=vllm"]}}
    wide = plan(tmp_path / "runs", arms, resources={"gpus": 2})
    assert run_trial(wide, "grpo:0", None, RunOptions(), QUIET) == 1
    [said] = (wide.trials()[0].folder / "log.txt").read_text().splitlines()
    assert said.startswith("4,5 -m sspo.train ")
    assert " run.gpus=2 " in said


def test_runs_from_before_an_option_came_are_as_much_work_as_those_at_its_default() -> None:
    config = asdict(quick_compose([]))
    older = json.loads(json.dumps(config))
    del older["evaluation"]["top_k"], older["rollout"]["engine"]
    assert workload(older) == workload(config)
    for other in (
        ["rollout=vllm"],
        ["model.lora.rank=2"],
        ["trainer.gradient_checkpointing=true"],
        ["evaluation.top_k=5"],
        ["evaluation.temperatures=[0.5]"],
    ):
        assert workload(asdict(quick_compose(other))) != workload(config)
