"""docs/tutorial.md is played through in an empty folder: its files are written, and every command of it runs, in order."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.blocks import BLOCK, ROOT

PAGE = ROOT / "docs" / "tutorial.md"
FILE = re.compile(r"# (\S+\.(?:py|yaml))(, one more arm)?\n")
AN_ARM_LATER = "presets:\n"


def played(folder, text, environment):
    """What each block of commands printed, by its number; files are written as the page shows them."""
    printed = []
    for language, body in BLOCK.findall(text):
        if language == "sh":
            done = subprocess.run(
                ["bash", "-eu", "-c", body + "\npwd"],
                cwd=folder,
                env=environment,
                capture_output=True,
                text=True,
            )
            assert done.returncode == 0, f"{body}\n{done.stdout}\n{done.stderr}"
            *lines, where = done.stdout.splitlines()
            folder = where
            printed.append("\n".join(lines))
        elif language in ("python", "yaml"):
            write(folder, body)
    return folder, printed


def write(folder, body):
    """Write the file that a block shows, or put its arm into the study that is there."""
    name, one_more = FILE.match(body).groups()
    path = os.path.join(folder, name)
    if not one_more:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        content = body
    else:
        content = Path(path).read_text().replace(AN_ARM_LATER, body.partition("\n")[2] + AN_ARM_LATER)
    with open(path, "w") as file:
        file.write(content)


@pytest.fixture
def environment(tmp_path):
    """The command `sspo` of this checkout on the path, and its Python as `python`."""
    commands = tmp_path / "bin"
    commands.mkdir()
    for name, words in (("sspo", "-m sspo"), ("python", "")):
        script = commands / name
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" {words} "$@"\n')
        script.chmod(0o755)
    return {**os.environ, "PATH": f"{commands}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}


@pytest.mark.acceptance
def test_the_tutorial_works_from_an_empty_folder(tmp_path, environment):
    (tmp_path / "home").mkdir()
    folder, printed = played(str(tmp_path / "home"), PAGE.read_text(encoding="utf-8"), environment)
    told = "\n".join(printed)
    assert os.path.isfile(os.path.join(folder, "reports", "clip_higher.default", "index.html"))
    # 1 base + 3 arms of two seeds; then, twice, only the two runs of the arm that was added
    assert re.findall(r"\[(\d+)/\d+\] done", told) == [str(run) for run in range(1, 12)]
    results = Path(folder, "reports", "clip_higher.default", "results.csv").read_text()
    assert {"GRPO", "clip-higher", "SSPO", "above"} <= set(re.findall(r"[\w-]+", results))
