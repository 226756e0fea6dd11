"""Completion of `sspo`: in a real bash, and the words that every shell asks for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sspo.compose.hydra_compose import GROUPS, choices
from sspo.console.candidates import candidates
from sspo.console.completion import for_shell, main, split
from sweeps.study.load import study_names
from tests.console import run_here

ROOT = Path(__file__).resolve().parents[2]
ASK = """eval "$(sspo completion bash)"
COMP_WORDBREAKS=$' \\t\\n=:'
for line in "$@"; do
    read -ra COMP_WORDS <<< "$line"
    COMP_LINE=$line COMP_POINT=${#line} COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    _sspo 2> /dev/null
    echo "${COMPREPLY[*]}"
done
"""


def test_a_real_bash_completes_commands_studies_options_and_values(tmp_path: Path) -> None:
    program = tmp_path / "sspo"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m sspo "$@"\n')
    program.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    lines = ["sspo pl", "sspo plan clip_a", "sspo train objective=gs", "sspo train trainer.lr"]
    command = ["bash", "--norc", "-c", ASK, "bash", *lines]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, env=environment)
    assert done.stdout.splitlines() == ["plan", "clip_ablation", "gspo", "trainer.lr="]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("sspo plan stress --pre", ["--preset"]),
        ("sspo plan stress --preset ", ["smoke", "full", "default", "paper"]),
        ("sspo show baselines gsp", ["gspo"]),
        ("sspo search ", ["clip"]),
        ("sspo help sweep", ["sweep"]),
        ("sspo objectives sspo_f", ["sspo_fixed"]),
        ("sspo completion ", ["bash", "zsh", "fish"]),
        ("sspo train objective.cl", ["objective.clip."]),
        (
            "sspo train objective.clip.",
            ["objective.clip.dual=", "objective.clip.high=", "objective.clip.low="],
        ),
        ("sspo train evaluation.stream=", ["evaluation.stream=batch", "evaluation.stream=sample"]),
        ("sspo train segmentation.protect_code=t", ["segmentation.protect_code=true"]),
        ("sspo train --o", ["--options"]),
        ("sspo nonsense ", []),
        ("sspo train 'objective=gs", []),
    ],
)
def test_the_words_that_may_stand_next(line: str, found: list[str]) -> None:
    words, current = split(line)
    assert candidates(words[1:], current) == found


def test_studies_runs_and_groups_are_those_of_the_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert candidates(["status"], "") == study_names(ROOT / "conf" / "study")
    for group in GROUPS:
        assert {f"{group}={name}" for name in choices(group)} == set(candidates(["train"], f"{group}="))
    assert {f"{group}=" for group in GROUPS} <= set(candidates(["train"], ""))
    (tmp_path / "runs" / "cells" / "0123" / "seed1").mkdir(parents=True)
    (tmp_path / "conf" / "study").mkdir(parents=True)
    (tmp_path / "conf" / "study" / "mine.yaml").write_text("arms: {one: {}, two: {}}\n")
    monkeypatch.chdir(tmp_path)
    assert candidates(["run"], "runs/") == ["runs/cells/0123/seed1"]
    assert candidates(["plan"], "mi") == ["mine"]
    assert candidates(["show", "mine"], "") == ["one", "two"]


def test_bash_gets_the_part_after_its_last_break() -> None:
    assert for_shell("bash", "sspo train objective=gr", "=:") == ["grpo"]
    assert for_shell("bash", "sspo train objective=gr", "") == ["objective=grpo"]
    assert for_shell("zsh", "sspo train objective=gr") == ["objective=grpo"]


def test_an_unknown_shell_is_one_sentence() -> None:
    assert (
        run_here(main, "bahs").stderr
        == "error: unknown shell 'bahs': did you mean 'bash'? valid: bash, fish, zsh\n"
    )
    assert "which shell?" in run_here(main).stderr
