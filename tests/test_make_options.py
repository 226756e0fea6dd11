"""`make` before it runs anything: which study is meant, and options that it would not see."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
STUDIES = ", ".join(sorted(path.stem for path in (ROOT / "conf" / "study").glob("*.yaml"))).replace(",", "")


CLEAN = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFLAGS"))}
"""Without what a make that runs these tests hands on."""


def make(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "-n", *words], cwd=ROOT, env=CLEAN, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    "goal", ["sweep", "plan", "report", "verify", "dashboard", "hierarchy", "stop", "export-wandb"]
)
def test_a_target_that_takes_a_study_asks_for_it(goal: str) -> None:
    done = make(goal)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert f"which study? write `make {goal} NAME=...`; there are {STUDIES}" in done.stderr


def test_a_search_is_asked_for_as_well() -> None:
    done = make("search")
    assert done.returncode == 2
    assert "which search? write `make search NAME=...`; there are clip" in done.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("plan", "name=mine"), "write NAME= and not name="),
        (("sweep", "NAME=clip_ablation", "preset=smoke"), "write PRESET= and not preset="),
        (("sweep", "NAME=clip_ablation", "over_budget=1"), "write OVER_BUDGET= and not over_budget="),
        (("base", "base=embedded"), "write BASE= and not base="),
        (("sweep", "NAME=clip_ablation", "vllm=1"), "write VLLM= and not vllm="),
        (("sweep", "NAME=backends", "trl=1"), "write TRL= and not trl="),
        (("plan", "NAME=paper_1.5b", "on=h200"), "write ON= and not on="),
        (("optuna-dashboard", "journal=x"), "write JOURNAL= and not journal="),
    ],
)
def test_an_option_in_lower_case_is_refused(words: tuple[str, ...], says: str) -> None:
    done = make(*words)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert says in done.stderr


def test_the_commands_of_the_readme_reach_the_study_that_they_name() -> None:
    done = make("sweep", "NAME=clip_ablation", "PRESET=smoke", "RETRY=1")
    assert (done.returncode, done.stderr) == (0, "")
    assert "-m sweeps run clip_ablation --preset smoke" in done.stdout
    planned = make("plan", "NAME=paper_1.5b", "ON=h100_80gb")
    assert planned.stdout.split()[-2:] == ["--on", "h100_80gb"]
    assert "--retry-failed" in done.stdout
    assert make("help").returncode == make("test").returncode == 0


def test_trials_that_sample_with_vllm_run_in_its_environment() -> None:
    for goal, command in (
        ("plan", "plan"),
        ("sweep", "run"),
        ("work", "work"),
        ("replay", "replay"),
        ("search", "search"),
    ):
        words = (goal, f"NAME={'clip' if goal == 'search' else 'clip_ablation'}")
        assert f".venv/bin/python -m sweeps {command}" in make(*words).stdout
        assert f".venv-vllm/bin/python -m sweeps {command}" in make(*words, "VLLM=1").stdout
    # on a cluster too, with what the cluster needs beside it
    said = make(
        "--always-make", "sweep", "NAME=clip_ablation", "VLLM=1", "ENGINE=slurm", "DEVICE=cuda"
    ).stdout
    assert ".venv-vllm/bin/python -m sweeps run clip_ablation" in said
    for lock in ("requirements-vllm-cuda.lock", "requirements-ray.lock"):
        assert re.search(
            rf"\.venv-vllm/bin/python .*--require-hashes .*--no-deps --requirement {lock}", said
        ), lock
    assert ".venv-ray" not in said
    assert "DEVICE is cpu or cuda, got gpu" in make("setup-vllm", "DEVICE=gpu").stderr


def test_trials_that_train_with_trl_run_in_its_environment() -> None:
    for goal, command in (("plan", "plan"), ("sweep", "run"), ("work", "work"), ("replay", "replay")):
        assert f".venv-trl/bin/python -m sweeps {command}" in make(goal, "NAME=backends", "TRL=1").stdout
    assert ".venv-trl/bin/python -m sweeps search" in make("search", "NAME=clip", "TRL=1").stdout
    said = make("--always-make", "sweep", "NAME=backends", "TRL=1", "ENGINE=ray").stdout
    assert ".venv-trl/bin/python -m sweeps run backends" in said
    for lock in ("requirements-trl.lock", "requirements-ray.lock"):
        assert re.search(
            rf"\.venv-trl/bin/python .*--require-hashes .*--no-deps --requirement {lock}", said
        ), lock


def test_trials_with_both_run_in_the_environment_of_vllm_with_trl_in_it() -> None:
    goals = {"plan": "plan", "sweep": "run", "work": "work", "replay": "replay", "search": "search"}
    for goal, command in goals.items():
        name = "clip" if goal == "search" else "backends"
        said = make("--always-make", goal, f"NAME={name}", "TRL=1", "VLLM=1", "DEVICE=cpu").stdout
        assert f".venv-vllm/bin/python -m sweeps {command}" in said
        locks = re.findall(r"\.venv-vllm/bin/python .*--no-deps --requirement (\S+)", said)
        assert locks == ["requirements-vllm.lock", "requirements-trl.lock"]
        assert ".venv-trl" not in said
    said = make(
        "--always-make", "sweep", "NAME=backends", "TRL=1", "VLLM=1", "DEVICE=cpu", "ENGINE=ray"
    ).stdout
    for lock in ("requirements-trl.lock", "requirements-ray.lock"):
        assert re.search(rf"\.venv-vllm/bin/python .*--no-deps --requirement {lock}", said), lock


def test_help_begins_with_what_a_study_needs_and_ends_with_benches() -> None:
    short, whole = (
        subprocess.run(["make", goal], cwd=ROOT, env=CLEAN, capture_output=True, text=True, check=True).stdout
        for goal in ("help", "help-all")
    )
    targets = [line.split()[1] for line in short.splitlines() if line.startswith("  make ")]
    assert targets[:6] == ["setup", "plan", "sweep", "status", "dashboard", "report"]
    assert whole.startswith(short)
    assert not [name for name in targets if name.startswith(("bench-", "test-", "setup-"))]
    assert short.count("\n") < 55, "two screens"
    assert max(map(len, short.splitlines())) <= 130
    assert short.index("PRESET=") < short.index("While a sweep runs"), "options stand in their group"
    written = re.findall(r"^([a-z0-9-]+):.*  ## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
    listed = [line.split()[1] for line in whole.splitlines() if line.startswith("  make ")]
    assert sorted(listed) == sorted({*written} - {"help"})
    assert listed[-1].startswith("bench-")


def test_every_target_of_the_list_is_phony() -> None:
    known = subprocess.run(
        ["make", "-pn", "help"], cwd=ROOT, env=CLEAN, capture_output=True, text=True, check=False
    )
    phony = next(line for line in known.stdout.splitlines() if line.startswith(".PHONY:")).split()
    assert {"plan", "setup-8bit", "test-smollm2", "help-all"} <= set(phony)
