"""Options of engines: invalid ones are refused in one sentence, before anything is placed."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sspo.console.one_sentence import one_sentence
from sspo.errors import UserError
from sweeps.__main__ import main
from sweeps.engines import registry
from sweeps.engines.engine import Setup
from sweeps.engines.options import LocalOptions, RayOptions, SlurmOptions, parse
from sweeps.engines.ray import RayCluster, _gpus, _needs, _refuse_more_than_a_node_has
from sweeps.engines.slurm import SlurmCluster
from sweeps.study.limits import Resources
from sweeps.workers.order import Order
from tests.engines.parts import trials_in


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--engine rya", "unknown engine 'rya': did you mean 'ray'? valid: local, ray, slurm"),
        (
            "--engine ray --engine-option adress=auto",  # codespell:ignore adress
            "unknown key 'adress': did you mean 'address'?",
        ),
        ("--engine slurm --engine-option minutes=0", "--engine-option: minutes must be at least 1, got 0"),
        ("--engine slurm --engine-option gpus=two", "gpus must be a whole number, got 'two'"),
        ("--engine slurm --engine-option poll=0", "poll must be more than 0, got 0"),
        ("--engine slurm --engine-option executor=pbs", "executor must be one of slurm, local, got 'pbs'"),
        ("--engine slurm --engine-option partition", "--engine-option must be KEY=VALUE, got 'partition'"),
        ("--engine slurm --engine-option minutes=[", "the value of 'minutes=[' cannot be read"),
        ("--engine-option gpus=2", "unknown key 'gpus'"),
        ("--detach", "--detach: trials of engine local end with this process; leave it out"),
        ("--engin ray", "unknown option of run '--engin': did you mean '--engine'?"),
    ],
)
def test_a_wrong_word_is_one_sentence(
    words: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        sys, "argv", ["sweeps", "run", "clip_ablation", "--store", str(tmp_path / "runs"), *words.split()]
    )
    assert one_sentence(main) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("error: ")
    assert said in printed
    assert printed.count("\n") == 1
    assert not (tmp_path / "runs").exists()


def test_an_engine_whose_package_is_missing_names_the_command_that_brings_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(registry, "find_spec", lambda name: None)
    with pytest.raises(
        UserError, match=r"engine ray requires ray, .* run `make sweep NAME=\.\.\. ENGINE=ray`"
    ):
        registry.check_engine("ray", (), detach=False)
    assert registry.check_engine("local", (), detach=False) == LocalOptions()


def test_words_become_typed_options_and_names_stay_text() -> None:
    assert parse(RayOptions, ["address=auto", "gpus=0.5"]) == RayOptions(address="auto", gpus=0.5)
    assert parse(SlurmOptions, ["partition=7", "minutes=60"]) == SlurmOptions(partition="7", minutes=60)


def test_a_job_asks_for_what_its_study_says_a_trial_takes(tmp_path: Path) -> None:
    trial = trials_in(tmp_path, 1)[0]
    wide = replace(trial, resources=Resources(threads=4, memory_gb=2.147483648, timeout=90.0))
    cluster = SlurmCluster(SlurmOptions(), Setup(study="s", command=lambda trial: []))
    # 2.147483648e9 bytes are 2 GiB, and half a GiB is the worker's own; 90 s are 2 min begun, and 10 min more
    assert cluster._needs(Order(trial=wide, command=())) == (4, 0, 2.5, 12)
    assert cluster._needs(Order(trial=wide, command=(), timeout=30.0)) == (4, 0, 2.5, 11)
    assert cluster._needs(Order(trial=trial, command=())) == (1, 0, None, 240)
    assert _needs(wide, 0.5) == {"num_cpus": 4, "num_gpus": 0.5, "memory": 2147483648}


def test_devices_are_what_the_study_says_else_what_the_engines_option_says(tmp_path: Path) -> None:
    trial = trials_in(tmp_path, 1)[0]
    one, two = (replace(trial, resources=Resources(gpus=gpus)) for gpus in (1, 2))
    half = RayOptions(gpus=0.5)
    assert [_gpus(each, half, any_there=True) for each in (trial, one, two)] == [0.5, 1, 2]
    assert [_gpus(each, RayOptions(), any_there=True) for each in (trial, one, two)] == [1, 1, 2]
    assert [_gpus(each, RayOptions(), any_there=False) for each in (trial, one)] == [0, 0]
    setup = Setup(study="s", command=lambda trial: [])
    for options, asked in [(SlurmOptions(), [None, 1, 2]), (SlurmOptions(gpus=4), [4, 1, 2])]:
        orders = [Order(trial=each, command=()) for each in (trial, one, two)]
        given = [SlurmCluster(options, setup)._parameters([order]) for order in orders]
        assert [parameters["gpus_per_node"] for parameters in given] == asked


def test_trials_of_as_many_devices_are_one_array(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gpus = (None, 2, None, 2, 1)
    trials = [
        replace(trial, resources=Resources(gpus=number))
        for trial, number in zip(trials_in(tmp_path, 5), gpus, strict=True)
    ]
    cluster = SlurmCluster(SlurmOptions(gpus=1), Setup(study="s", command=lambda trial: []))
    arrays: list[list[str]] = []

    def submit(orders: Sequence[Order]) -> list[str]:
        arrays.append([order.trial.arm for order in orders])
        return [f"{len(arrays)}_{index}" for index, _ in enumerate(orders)]

    monkeypatch.setattr(cluster, "_submit", submit)
    tickets = cluster.place([Order(trial=trial, command=()) for trial in trials])
    assert arrays == [
        ["arm0", "arm2", "arm4"],
        ["arm1", "arm3"],
    ]  # the option's 1 and a study's own are alike
    assert list(tickets) == ["1_0", "2_0", "1_1", "2_1", "1_2"]


def test_a_trial_that_no_node_of_a_ray_cluster_could_take_is_refused(tmp_path: Path) -> None:
    trial = replace(trials_in(tmp_path, 1)[0], resources=Resources(gpus=4))
    gone, small = {"Alive": False, "Resources": {"GPU": 8.0}}, {"Alive": True, "Resources": {"GPU": 2.0}}
    with pytest.raises(
        UserError,
        match="arm 'arm0' requires 4 CUDA devices per trial and no node of the Ray cluster has more than 2;",
    ):
        _refuse_more_than_a_node_has(trial, [gone, small, small])  # Ray spreads no task over nodes
    _refuse_more_than_a_node_has(trial, [small, {"Alive": True, "Resources": {"GPU": 4.0}}])
    _refuse_more_than_a_node_has(
        replace(trial, resources=Resources(gpus=1)), [{"Alive": True, "Resources": {}}]
    )


def test_what_ray_is_asked_for_is_a_trials_devices(tmp_path: Path) -> None:
    class Ray:
        """Accepts tasks as Ray does and starts none."""

        def __init__(self) -> None:
            self.asked: list[tuple[str, float]] = []

        def cluster_resources(self) -> dict[str, float]:
            return {"CPU": 8.0, "GPU": 4.0}

        def remote(self, function: object) -> Ray:
            return self

        def options(self, **needs: Any) -> SimpleNamespace:
            self.asked.append((needs["name"], needs["num_gpus"]))
            return SimpleNamespace(remote=lambda *words: SimpleNamespace(hex=lambda: needs["name"]))

    ray, gpus = Ray(), (None, 1, 2)
    trials = [
        replace(trial, resources=Resources(gpus=number))
        for trial, number in zip(trials_in(tmp_path, 3), gpus, strict=True)
    ]
    setup = Setup(study="s", command=lambda trial: [])
    RayCluster(ray, RayOptions(gpus=0.5), setup).place([Order(trial=trial, command=()) for trial in trials])
    assert ray.asked == [("arm0 seed 0", 0.5), ("arm1 seed 0", 1), ("arm2 seed 0", 2)]
