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

RULE = """
from pathlib import Path

Path({canary!r}).touch()


def cut(responses, config):
    return responses.mask_BT.clone()
"""


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("run") / "seed0", rollouts=1, prompts=2, responses=4, tokens=8)


@pytest.fixture(params=["rule", "random_like", "fixed_like"])
def foreign(written, tmp_path, request):
    """(run folder under its cell's name, rule, the option that names it, the file that the rule would write)."""
    canary, path = tmp_path / "canary", tmp_path / "rule.py"
    path.write_text(RULE.format(canary=str(canary)))
    config = yaml.safe_load((written / "config.yaml").read_text())
    kind = {"rule": "token", "random_like": "random", "fixed_like": "fixed"}[request.param]
    config["segmentation"]["rule"] = kind
    config["segmentation"][request.param] = f"{path}:cut"
    folder = tmp_path / "cells" / cell_hash(build(TrainConfig, config)) / "seed0"
    shutil.copytree(written, folder)
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    return folder, f"{path}:cut", f"segmentation.{request.param}", canary


def test_no_file_of_a_foreign_run_is_run(foreign, tmp_path, capfd):
    folder, rule, key, canary = foreign
    out = ["--out", str(tmp_path / "out"), "--processes", "1"]
    with pytest.raises(UserError, match=f"add {key}={rule} if you trust"):
        replay([str(folder), *out])
    assert replay([str(folder), "segmentation=token", *out]) in (0, 1)
    assert not canary.exists()
    capfd.readouterr()


def test_a_file_that_the_command_line_names_is_run_if_it_is_the_one_of_the_cell(foreign, tmp_path, capfd):
    folder, rule, key, canary = foreign
    words = [str(folder), f"{key}={rule}", "--out", str(tmp_path / "out"), "--processes", "1"]
    path = tmp_path / "rule.py"
    content = path.read_text()
    path.write_text(content + "# changed")
    with pytest.raises(
        UserError, match=r"is not under cell \w+, the cell of its configuration with the current .*rule.py"
    ):
        replay(words)
    assert not canary.exists()
    path.write_text(content)
    assert replay(words) in (0, 1)
    assert canary.exists()
    capfd.readouterr()


def test_calibrate_runs_none_either(foreign, capfd):
    folder, rule, key, canary = foreign
    if key == "segmentation.rule":
        pytest.skip("calibrate always names the rules themselves")
    kind = yaml.safe_load((folder / "config.yaml").read_text())["segmentation"]["rule"]
    options = ["--target-clip-frac", "0.1", "--processes", "1", "--rules", "token"]
    with pytest.raises(UserError, match=f"add {key}={rule} if you trust"):
        calibrate([str(folder), f"segmentation.rule={kind}", *options])
    assert not canary.exists()
    capfd.readouterr()
