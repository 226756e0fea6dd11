"""A run folder from elsewhere: its config names a file, and no replay runs it unless the command line names it too."""

from __future__ import annotations

import shutil

import pytest
import yaml

from sspo.calibrate import main as calibrate
from sspo.config import TrainConfig
from sspo.config.build import build
from sspo.errors import UserError
from sspo.replay.__main__ import main as replay
from sspo.runs.identity import cell_hash
from tests.bench.synthetic_recording import write_run

ROWS = """
from pathlib import Path

from sspo.objective.clip import TERM_FUNCTIONS, clip_term
from sspo.rewards.exact_answer import open_reward as exact
from sspo.tasks.chain import open_task as chain

Path({canary!r}).touch()


def rule(responses, config):
    return responses.mask_BT.clone()


@clip_term(clips=True, matchable=True)
def term(x):
    return TERM_FUNCTIONS["ppo"](x)


def reward(config):
    return exact(config)


def task(config):
    return chain(config)
"""
NAMED = {
    "segmentation.rule": "rule",
    "segmentation.random_like": "rule",
    "segmentation.fixed_like": "rule",
    "objective.term": "term",
    "reward.name": "reward",
    "task.name": "task",
}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("run") / "seed0", rollouts=1, prompts=2, responses=4, tokens=8)


@pytest.fixture(params=NAMED)
def foreign(written, tmp_path, request):
    """(run folder under its cell's name, row, the option that names it, the file that the row's file would write)."""
    canary, path = tmp_path / "canary", tmp_path / "rows.py"
    path.write_text(ROWS.format(canary=str(canary)))
    config = yaml.safe_load((written / "config.yaml").read_text())
    group, _, option = request.param.partition(".")
    config["segmentation"]["rule"] = {"random_like": "random", "fixed_like": "fixed"}.get(option, "token")
    config[group][option] = f"{path}:{NAMED[request.param]}"
    # a cell's name takes the task's questions, and so would run its file
    cell = "0" * 12 if group == "task" else cell_hash(build(TrainConfig, config))
    folder = tmp_path / "cells" / cell / "seed0"
    shutil.copytree(written, folder)
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    assert not canary.exists()
    return folder, config[group][option], request.param, canary


def test_no_file_of_a_foreign_run_is_run(foreign, tmp_path, capfd):
    folder, rule, key, canary = foreign
    out = ["--out", str(tmp_path / "out"), "--processes", "1"]
    with pytest.raises(UserError, match=f"{key}={rule} stands in .*: add trust={rule} if you trust"):
        replay([str(folder), *out])
    if key.startswith("segmentation."):
        assert replay([str(folder), "segmentation=token", *out]) in (0, 1)
    else:  # whatever is asked for, the run's own objective is replayed too
        with pytest.raises(UserError, match=f"add trust={rule}"):
            replay([str(folder), "segmentation=token", "objective=grpo", *out])
    assert not canary.exists()
    capfd.readouterr()


def test_a_file_that_the_command_line_names_is_run_if_it_is_the_one_of_the_cell(foreign, tmp_path, capfd):
    folder, rule, key, canary = foreign
    if key == "task.name":
        pytest.skip("the cell's name takes its questions: test_foreign_runs.py")
    by = key if key.startswith("segmentation.") else "trust"
    words = [str(folder), f"{by}={rule}", "--out", str(tmp_path / "out"), "--processes", "1"]
    path = tmp_path / "rows.py"
    content = path.read_text()
    path.write_text(content + "# changed")
    with pytest.raises(
        UserError, match=r"is not under cell \w+, the cell of its configuration with the current .*rows.py"
    ):
        replay(words)
    assert not canary.exists()
    path.write_text(content)
    assert replay(words) in (0, 1)
    assert canary.exists()
    capfd.readouterr()


def test_calibrate_runs_none_either(foreign, capfd):
    folder, rule, key, canary = foreign
    if key in ("segmentation.rule", "task.name", "objective.term", "reward.name"):
        pytest.skip("calibrate always names the rules themselves, and the rest is as in a replay")
    kind = yaml.safe_load((folder / "config.yaml").read_text())["segmentation"]["rule"]
    options = ["--target-clip-frac", "0.1", "--processes", "1", "--rules", "token"]
    with pytest.raises(UserError, match=f"add trust={rule} if you trust"):
        calibrate([str(folder), f"segmentation.rule={kind}", *options])
    assert not canary.exists()
    capfd.readouterr()
