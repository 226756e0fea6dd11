"""One study of both backends, from its spec to its report: `conf/study/backends.yaml`, preset smoke. Run by `make test-trl`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("trl", reason="no trl here: `make test-trl` runs this in an environment that has it")
ROOT = Path(__file__).resolve().parents[2]
SWEEP = ("sweeps", "run", "backends", "--preset", "smoke", "--workers", "1", "--report")
UPDATES = 2 * 256 // 32
"""Two rollouts of 16 x 16 responses, 32 an optimizer step."""


def command(root: Path, *words: str) -> str:
    """What a command prints in a folder that holds nothing of the checkout; it succeeds."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "WANDB_MODE": "offline"}
    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=root, env=environment, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the runs and the report of the study."""
    root = tmp_path_factory.mktemp("study")
    command(root, *SWEEP)
    return root


@pytest.fixture(scope="module")
def runs(swept: Path) -> dict[str, Path]:
    """The run folders of its arms: base, sspo, trl."""
    folders = [path.parent for path in swept.glob("runs/cells/**/DONE.json")]
    found = {yaml.safe_load((folder / "config.yaml").read_text())["run"]["arm"]: folder for folder in folders}
    assert sorted(found) == ["base", "sspo", "trl"]
    return found


def test_a_trial_of_trl_leaves_the_run_folder_of_any_other(runs: dict[str, Path]) -> None:
    own, other = runs["sspo"], runs["trl"]
    outcomes = [json.loads((folder / "DONE.json").read_text()) for folder in (own, other)]
    assert outcomes[0].keys() == outcomes[1].keys()
    assert [(done["rollouts"], done["steps"]) for done in outcomes] == [(2, UPDATES)] * 2
    steps = [lines(folder / "metrics.jsonl") for folder in (own, other)]
    assert [len(rows) for rows in steps] == [UPDATES, UPDATES]
    for mine, theirs in zip(*steps, strict=True):
        assert mine.keys() == theirs.keys()
        assert [mine[key] for key in ("step", "rollout", "update", "optim/lr")] == [
            theirs[key] for key in ("step", "rollout", "update", "optim/lr")
        ]
    asked = [
        [(row["set"], row["question"], row["mode"], row["sample"]) for row in lines(folder / "eval.jsonl") if row["final"]]
        for folder in (own, other)
    ]  # fmt: skip
    assert asked[0] == asked[1]


def test_what_trained_it_is_in_its_environment_and_its_mirror(runs: dict[str, Path]) -> None:
    versions = {arm: json.loads((path / "env.json").read_text())["versions"] for arm, path in runs.items()}
    assert versions["trl"]["trl"].startswith("1.16.")
    assert not [arm for arm in ("base", "sspo") if "trl" in versions[arm]]
    for arm in ("sspo", "trl"):
        assert list(runs[arm].glob("wandb/offline-run-*/*.wandb")), arm


def test_a_second_sweep_trains_nothing(swept: Path, runs: dict[str, Path]) -> None:
    ended = {arm: (path / "DONE.json").stat().st_mtime_ns for arm, path in runs.items()}
    command(swept, *SWEEP)
    assert ended == {arm: (path / "DONE.json").stat().st_mtime_ns for arm, path in runs.items()}


def test_one_report_has_both_and_says_once_that_they_differ(swept: Path) -> None:
    page = (swept / "reports" / "backends.smoke" / "index.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith(("| SSPO in our trainer", "| SSPO in TRL"))]
    assert len(rows) >= 2
    said = "Trained by different backends: sspo for SSPO in our trainer, trl for SSPO in TRL."
    assert page.count(said) == 1
    assert "rollout 0 differs at seed" not in page
