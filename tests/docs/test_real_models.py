"""docs/real-models.md: every command that its page does not mark as not yet run is executed, in its order."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT, blocks

PAGE = "real-models.md"
MARK = "# not yet run"
REPORT, MIRRORED = ROOT / "reports" / "paper_1.5b.smoke", ROOT / "reports" / "from_mirrors.imported"
PYTHON = ROOT / ".venv" / "bin" / "python"


def lines() -> list[str]:
    """The page's commands, with their comments."""
    return [line for block in blocks("sh") if block.page == PAGE for line in block.text.splitlines() if line]


def executed() -> list[str]:
    return [line for line in lines() if MARK not in line]


def test_what_is_not_run_wants_a_gpu_the_hub_or_runs_made_there():
    for line in set(lines()) - set(executed()):
        made_there = "VLLM=1" in line or line.startswith("make report NAME=paper_1.5b ")
        assert made_there or "cuda" in line or "qwen25_math" in line, line


@pytest.mark.acceptance
@pytest.mark.skipif(
    not PYTHON.is_file(), reason="no .venv in this checkout, which the page's commands are about"
)
def test_every_other_command_does_what_the_page_says() -> None:
    said = {}
    shutil.rmtree(MIRRORED, ignore_errors=True)
    for line in executed():
        done = subprocess.run(["bash", "-c", line], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{line}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
        said[line.split("#")[0].strip()] = done.stdout
    plan = said["make plan NAME=paper_1.5b PRESET=paper ON=h100_80gb"]
    assert "GPU hours" in plan
    assert "h100_80gb" in plan
    assert table(REPORT) == table(MIRRORED)
    shutil.rmtree(MIRRORED)  # which git does not ignore


def table(report: Path) -> list[str]:
    """Rows of a report's results: seventeen arms below a header."""
    rows = (report / "results.csv").read_text().splitlines()
    assert len(rows) > 17, report
    return rows
