"""The Makefile in a checkout whose path has a blank and an apostrophe, with a Python that installs nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PYTHON = f"""#!/bin/sh
# as `python -m venv FOLDER`, with a pip that does nothing and a dashboard that says what it was given
echo "$3" >> made
{sys.executable} -m venv --without-pip "$3"
site=$("$3/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
mkdir "$site/pip"; touch "$site/pip/__main__.py"
printf '#!/bin/sh\\necho dashboard on "$1"\\n' > "$3/bin/optuna-dashboard"; chmod +x "$3/bin/optuna-dashboard"
"""
pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with the Makefile, what it depends on, and a Python for it."""
    folder = tmp_path / "it's my project"
    folder.mkdir()
    for path in (ROOT / "Makefile", ROOT / "pyproject.toml", *ROOT.glob("requirements*.lock")):
        shutil.copy(path, folder)
    (folder / "python").write_text(PYTHON)
    (folder / "python").chmod(0o755)
    return folder


def make(folder: Path, *words: str) -> str:
    """What make prints."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    command = ["make", "PYTHON=./python", *words]
    return subprocess.run(command, cwd=folder, env=clean, check=True, capture_output=True, text=True).stdout


def test_what_lies_over_the_environment_finds_it_in_a_folder_of_any_name(checkout: Path) -> None:
    make(checkout, "setup-ray")
    (core,) = (checkout / ".venv").glob("lib/python3*/site-packages")
    (core / "known_to_the_core.py").write_text("answer = 42")
    command = [".venv-ray/bin/python", "-c", "import known_to_the_core as core; print(core.answer)"]
    done = subprocess.run(command, cwd=checkout, check=False, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("42\n", "")


def test_the_dashboard_of_searches_is_installed_once(checkout: Path) -> None:
    for _ in range(2):
        assert (
            make(checkout, "optuna-dashboard", "JOURNAL=a.journal").splitlines()[-1]
            == "dashboard on a.journal"
        )
    assert (checkout / "made").read_text() == ".venv-search\n"
