"""The hooks of .pre-commit-config.yaml are tools of .venv, and each does what its name says to a file."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.docs.blocks import ROOT

(REPO,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
HOOKS = {hook["id"]: hook for hook in REPO["hooks"]}
TOOLS = Path(sys.executable).parent
GOOD = {"good.py": "x = 1\n", "good.toml": "x = 1\n"}
BAD = {
    "ruff-check": ("bad.py", "import os\nx = undefined\n"),
    "ruff-format": ("bad.py", "x=1\n"),
    "codespell": ("bad.py", "# the behaviour\n"),  # codespell:ignore behaviour
    "whitespace": ("bad.py", "x = 1 \n"),
    "toml": ("bad.toml", "x = \n"),
}


def run(name: str, path: Path) -> subprocess.CompletedProcess[str]:
    """A hook on one file, from the checkout as pre-commit does, without its corrections."""
    words = shlex.split(HOOKS[name]["entry"])
    words[0] = str(TOOLS / Path(words[0]).name)
    words = [word for word in words if word != "--fix"] + (["--check"] if name == "ruff-format" else [])
    return subprocess.run([*words, str(path)], cwd=ROOT, capture_output=True, text=True, check=False)


def test_no_hook_needs_a_network() -> None:
    assert REPO["repo"] == "local"
    assert {hook["language"] for hook in HOOKS.values()} == {"system"}
    assert all(hook["entry"].startswith(".venv/bin/") for hook in HOOKS.values())
    assert set(HOOKS) == {*BAD, "mypy"}


@pytest.mark.parametrize("name", BAD)
def test_a_hook_refuses_what_is_wrong_and_takes_what_is_not(name: str, tmp_path: Path) -> None:
    file, text = BAD[name]
    bad, good = tmp_path / file, tmp_path / f"good{Path(file).suffix}"
    bad.write_text(text)
    good.write_text(GOOD[good.name])
    assert run(name, bad).returncode != 0
    assert (done := run(name, good)).returncode == 0, done.stderr
