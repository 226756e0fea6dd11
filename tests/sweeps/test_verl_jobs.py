"""Trials that verl trains: their nodes and devices, by study, preset and arm, on each engine, and what is not here."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from test_gpus import CHILD, QUIET
from test_pool import make_trials

from sspo.errors import UserError
from sweeps.control.sweep import RunOptions, train
from sweeps.engines.engine import Setup
from sweeps.engines.options import RayOptions, SlurmOptions
from sweeps.engines.ray import _gpus, _refuse_more_than_a_node_has
from sweeps.engines.slurm import SlurmCluster
from sweeps.plan import sampling
from sweeps.plan.plan import Plan, Trial, make_plan
from sweeps.plan.sampling import refuse_unsampled
from sweeps.study.limits import Resources
from sweeps.study.load import parse
from sweeps.workers.order import Order
from sweeps.workers.worker import train_command

VERL = ["trainer.backend=verl", "rollout=vllm", "run.verl_python=python"]
REMOTE = [*VERL, "run.ray_address=http://head:8265"]
SIZES = {"smoke": {"seeds": 1}, "default": {"seeds": 1}, "paper": {"seeds": 8}}


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that holds the Python of verl's environment; this environment has neither vLLM nor verl."""
    monkeypatch.chdir(tmp_path)
    Path("python").touch()
    monkeypatch.setattr(sampling, "find_spec", lambda name: None)


def plan(arms: dict[str, Any], preset: str = "default", **head: Any) -> Plan:
    study = parse("jobs", {"baseline": "sspo", "arms": arms, "presets": SIZES, **head})
    return make_plan(study, preset, Path("runs"))


def test_only_the_arms_of_verl_take_several_devices_and_need_its_environment_alone() -> None:
    arms = {"sspo": {}, "verl": {"overrides": VERL, "resources": {"gpus": 2}}}
    made = plan(arms)
    assert {trial.arm: trial.resources.devices for trial in made.trials()} == {"sspo": 1, "verl": 2}
    refuse_unsampled(made.trials())  # without vLLM here
    Path("python").unlink()
    with pytest.raises(UserError, match=r"arm 'verl': run\.verl_python=python is not a file"):
        refuse_unsampled(made.trials())


def test_a_preset_may_take_more_and_an_arm_has_precedence_and_the_studys_hash_stays() -> None:
    arms = {
        "sspo": {"overrides": REMOTE},
        "verl": {"overrides": [*REMOTE, "objective=grpo"], "resources": {"nodes": 1}},
    }
    wide = {**SIZES, "full": {"seeds": 1, "resources": {"gpus": 4, "nodes": 2}}}
    made = plan(arms, "full", presets=wide)
    found = {trial.arm: (trial.resources.per_node, trial.resources.nodes) for trial in made.trials()}
    assert found == {"sspo": (4, 2), "verl": (4, 1)}
    told = list(train_command("jobs")(made.trials()[0]))
    assert {"run.gpus=4", "run.nodes=2"} <= set(told)
    bare = {**wide, "full": {"seeds": 1}}
    assert made.study.sha256() == plan(arms, "full", presets=bare).study.sha256()
    with pytest.raises(UserError, match=r"presets\.full\.resources\.nodes must be at least 1, got 0"):
        plan(arms, presets={**SIZES, "full": {"seeds": 1, "resources": {"nodes": 0}}})


@pytest.mark.parametrize(
    ("overrides", "resources", "said"),
    [
        ([], {"nodes": 2}, r"arm 'sspo' requires 2 nodes per trial, and trainer\.backend=sspo trains on one: set resources\.nodes=1"),
        ([*REMOTE, "trainer.rollouts=0"], {"nodes": 2}, "and trainer.backend=sspo trains on one"),
        (VERL, {"nodes": 2}, r"run\.nodes=2 requires a Ray cluster of that many nodes: set run\.ray_address"),
        (VERL, {"gpus": 64}, r"trainer\.minibatch=32 \(verl spreads a minibatch evenly over 64 devices\): set trainer\.minibatch=64"),
    ],
)  # fmt: skip
def test_devices_that_a_trial_could_not_use_are_refused_with_the_plan(
    overrides: list[str], resources: dict[str, int], said: str
) -> None:
    with pytest.raises(UserError, match=said):
        refuse_unsampled(plan({"sspo": {"overrides": overrides, "resources": resources}}).trials())


def test_a_job_of_a_cluster_takes_no_device_where_it_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    job: dict[str, Any] = {
        "resources": Resources(gpus=4, nodes=2),
        "backend": "verl",
        "sampler": "vllm",
        "verl_python": "python",
    }
    far, near = (
        replace(trial, remote=trial.arm == "far", **job) for trial in make_trials(tmp_path, ["far", "near"])
    )
    log = tmp_path / "log"

    def command(trial: Trial) -> list[str]:
        return [sys.executable, "-S", "-c", CHILD, str(trial.folder), str(log)]

    assert train("jobs", [far], RunOptions(), QUIET, command)
    assert '["start", "far", [""]]' in log.read_text()
    with pytest.raises(
        UserError, match="arm 'near' requires 8 CUDA devices per trial and this machine has 1"
    ):
        train("jobs", [near], RunOptions(), QUIET, None)
    assert _gpus(far, RayOptions(gpus=0.5), any_there=True) == 0
    _refuse_more_than_a_node_has(far, [{"Alive": True, "Resources": {}}])
    cluster = SlurmCluster(SlurmOptions(gpus=1), Setup(study="s", command=lambda trial: []))
    assert cluster._parameters([Order(trial=far, command=())])["gpus_per_node"] is None
