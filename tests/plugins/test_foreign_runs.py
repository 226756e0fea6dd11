"""Whoever reads a run folder runs no file that only its config.yaml names: evaluations, reports of runs, commands of sweeps."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from analysis.__main__ import main as analysis
from sspo.contamination.options import parse as contamination
from sspo.errors import UserError
from sspo.evaluate.request import read_request
from sweeps.find_study import find_study
from sweeps.integrations.recipes import Recipe, keep
from sweeps.monitor.runs import _usual
from tests.console import run_here
from tests.trainer.runs import BARELY_SCORED, folder, train

ROWS = """
from pathlib import Path

from sspo.config import ObjectiveConfig
from sspo.rewards.exact_answer import open_reward
from sspo.tasks.chain import open_task

Path({canary!r}).touch()
reward = open_reward
task = open_task
ROW = ObjectiveConfig()
"""
KEYS = {"task.name": "task", "reward.name": "reward"}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(a finished run on a task and a reward of the user's own, their file)"""
    place = tmp_path_factory.mktemp("own")
    rows = place / "rows.py"
    rows.write_text(ROWS.format(canary=str(place / "canary")))
    words = [f"{key}={rows}:{name}" for key, name in KEYS.items()]
    ended = train(place / "runs", *words, *BARELY_SCORED, "trainer.rollouts=1", "trainer.samples_every=0")
    assert ended.returncode == 0, ended
    assert (place / "canary").exists()
    return folder(place / "runs"), rows


@pytest.fixture
def foreign(trained: tuple[Path, Path], tmp_path: Path) -> tuple[Path, Path, Path]:
    """(the same run under names of a file that nobody trusts, that file, what it would write)"""
    canary, rows = tmp_path / "canary", tmp_path / "rows.py"
    rows.write_text(ROWS.format(canary=str(canary)))
    run = tmp_path / "cells" / "0123456789ab" / "seed0"
    shutil.copytree(trained[0], run)
    config = yaml.safe_load((run / "config.yaml").read_text())
    for key, name in KEYS.items():
        group, _, option = key.partition(".")
        config[group][option] = f"{rows}:{name}"
    config["objective"]["name"] = f"{rows}:ROW"
    (run / "config.yaml").write_text(yaml.safe_dump(config))
    return run, rows, canary


def test_an_evaluation_repeats_a_run_with_its_own_files_where_the_command_names_them(trained) -> None:
    run, rows = trained
    with pytest.raises(UserError, match=f"task.name={rows}:task is in .*, but an evaluation runs no file"):
        read_request([f"model={run}"])
    with pytest.raises(UserError, match=f"add trust={rows}:reward if you trust {rows}"):
        read_request([f"model={run}", f"task.name={rows}:task"])
    for words in ([f"trust={rows}:task,{rows}:reward"], [f"task.name={rows}:task", f"trust={rows}:reward"]):
        config = read_request([f"model={run}", *words]).config
        assert (config.task.name, config.reward.name) == (f"{rows}:task", f"{rows}:reward")
    assert read_request([f"model={run}", "task=chain", "reward=exact_answer"]).config.task.name == "chain"


def test_an_evaluation_refuses_a_file_that_changed_since(trained) -> None:
    run, rows = trained
    content = rows.read_text()
    rows.write_text(content + "# changed\n")
    try:
        with pytest.raises(UserError, match=r"is not under cell \w+, the cell of its configuration with"):
            read_request([f"model={run}", f"trust={rows}:task,{rows}:reward"])
    finally:
        rows.write_text(content)


def test_no_reader_of_a_run_folder_runs_its_files(foreign, tmp_path: Path) -> None:
    run, rows, canary = foreign
    with pytest.raises(UserError, match="an evaluation runs no file"):
        read_request([f"model={run}"])
    shown = run_here(analysis, "run", str(run))
    assert shown.returncode == 0, shown
    assert _usual(f"{rows}:ROW") == {}
    assert contamination(["checks=overlap", f"model={run}"])
    assert not canary.exists()


def test_a_multirun_of_a_store_runs_no_file_either(tmp_path: Path) -> None:
    rows = tmp_path / "rows.py"
    rows.write_text(ROWS.format(canary=str(tmp_path / "canary")))
    keep(Recipe(words=(f"objective=grpo,{rows}:ROW", "seed=0,1")), "multirun_x", tmp_path)
    with pytest.raises(
        UserError, match=f"multirun 'multirun_x' names {rows}:ROW, and a file runs only if a command"
    ):
        find_study("multirun_x", tmp_path)
    assert not (tmp_path / "canary").exists()
