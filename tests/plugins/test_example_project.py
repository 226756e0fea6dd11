"""examples/plugins from outside the checkout: its study is planned, trained and reported, its logs are imported."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sspo.compose.fast import quick_compose
from sspo.runs.identity import cell_hash
from sspo.train import main as train
from sweeps.find_study import find_study
from sweeps.plan.plan import make_plan
from tests.console import run_here
from tests.plugins.project import EXAMPLE, PYTHON, copied, environment, forget, installed


@pytest.fixture
def project(tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """(a copy of the project outside the checkout, the folder that its package is installed in)"""
    place = copied(tmp_path / "project")
    yield place, installed(place, tmp_path / "site")
    forget()


def test_its_study_plans_the_cells_that_its_commands_train(project, monkeypatch) -> None:
    place, site = project
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.chdir(place)
    plan = make_plan(find_study("my_study", Path("runs")), "smoke", Path("runs"))
    assert len({arm.cell for arm in plan.arms}) == 5
    for trial in plan.trials():
        assert cell_hash(quick_compose((*trial.overrides, f"seed={trial.seed}"))) == trial.cell
    (own,) = (trial for trial in plan.trials() if trial.arm == "after_so")
    less = [
        "tracking=none",
        "evaluation.questions=1",
        "evaluation.samples=1",
        "evaluation.max_tokens=4",
        "rollout.max_tokens=32",
    ]
    ended = run_here(train, *own.overrides, *less)
    assert ended.returncode == 0, ended
    assert list(place.glob("runs/cells/*/**/DONE.json"))


def test_readme_of_the_example_is_short() -> None:
    assert len((EXAMPLE / "README.md").read_text().splitlines()) <= 40


@pytest.mark.acceptance
def test_everything_that_its_readme_shows_runs(project) -> None:
    place, site = project
    shown = [
        line.removeprefix("python -m ")
        for line in (place / "README.md").read_text().splitlines()
        if line.startswith("python -m ") and " pip " not in line
    ]
    assert len(shown) >= 4
    for line in shown:
        done = subprocess.run(
            [*PYTHON, *shlex.split(line)],
            cwd=place,
            env=environment(site),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{line}: {done.stdout}{done.stderr}"
    assert (place / "reports" / "my_study.smoke" / "index.html").is_file()
    assert "GRPO, dual clip" in (place / "reports" / "my_study.smoke" / "index.md").read_text()
    assert (place / "reports" / "my_logs.imported" / "index.html").is_file()
    assert os.path.commonpath([place, EXAMPLE]) != str(EXAMPLE)
