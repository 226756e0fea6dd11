"""What is said to an engine: wrong words are one sentence, before anything is placed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from sspo.errors import UserError, one_sentence
from sweeps.__main__ import main
from sweeps.engines import table
from sweeps.engines.options import LocalOptions, RayOptions, SlurmOptions, parse


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--engine rya", "unknown engine 'rya': did you mean 'ray'? valid: local, ray, slurm"),
        ("--engine ray --engine-option adress=auto", "unknown key 'adress': did you mean 'address'?"),
        ("--engine ray --engine-option cpus=0", "--engine-option: cpus must be at least 1, got 0"),
        ("--engine ray --engine-option cpus=two", "cpus must be of type int, got 'two'"),
        ("--engine slurm --engine-option memory_gb=0", "memory_gb must be more than 0, got 0"),
        ("--engine slurm --engine-option executor=pbs", "executor must be one of slurm, local, got 'pbs'"),
        ("--engine slurm --engine-option partition", "--engine-option must be KEY=VALUE, got 'partition'"),
        ("--engine slurm --engine-option minutes=[", "'minutes=[' has no value that can be read"),
        ("--engine-option cpus=2", "unknown key 'cpus'"),
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
    monkeypatch.setattr(table, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"engine ray takes ray, .* run `make sweep NAME=\.\.\. ENGINE=ray`"):
        table.check_engine("ray", (), detach=False)
    assert table.check_engine("local", (), detach=False) == LocalOptions()


def test_words_become_typed_options_and_names_stay_text() -> None:
    assert parse(RayOptions, ["address=auto", "gpus=0.5", "memory_gb=8"]) == RayOptions(
        address="auto", gpus=0.5, memory_gb=8.0
    )
    assert parse(SlurmOptions, ["partition=7", "minutes=60"]) == SlurmOptions(partition="7", minutes=60)
