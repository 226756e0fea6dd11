"""The GPU proof kit on a CPU: its parts hold, its judgment is not always yes, and it needs what it says and nothing more."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
import torch

from tests.cuda import kit, loss, synchronization
from tests.cuda.bare import bare_python, linked_kit
from tests.cuda.one import measure
from tests.cuda.part import PARTS, Part, Row, Setting
from tests.cuda.runner import BROKEN, FAILED, Result, run_all
from tests.cuda.table import as_json, table

SMALL = Setting(device="cpu", small=True)


def rows_of(part) -> list[Row]:
    """The rows of a part on the CPU."""
    rows: list[Row] = []
    assert measure(part.run, SMALL, rows.append) is None
    return rows


def kit_in(python: Path, *words: object) -> tuple[int, str]:
    """Exit status and output of the kit under another Python, with an environment that says nothing of this one."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL"))}
    command = [str(python), "-m", "tests.cuda", *map(str, words)]
    done = subprocess.run(command, cwd=kit.ROOT, env=clean, check=False, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def test_a_loss_that_is_off_on_the_device_is_seen(monkeypatch):
    assert {row.value for row in rows_of(loss)} == {0.0}
    found, calls = loss._found, []

    def off(rows, objective):
        calls.append(1)
        value, gradient_BT, metrics = found(rows, objective)
        return value, gradient_BT * (1 + 1e-6 * (len(calls) % 2 == 0)), metrics

    monkeypatch.setattr(loss, "_found", off)
    assert [row.what for row in rows_of(loss) if not row.passed] == [
        "float64: largest difference of a gradient"
    ]


def test_waits_are_told_where_torch_refuses_them_and_a_blind_torch_is_seen(monkeypatch):
    """Without CUDA nothing is refused, so the planted wait is not seen."""
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: None)
    monkeypatch.setattr(torch.cuda, "set_sync_debug_mode", lambda mode: None)
    planted, waiting = rows_of(synchronization)
    assert (planted.passed, waiting.passed) == (False, True)

    def refuse():
        raise RuntimeError("called a synchronizing CUDA operation\nat ...")

    assert synchronization._waits(refuse) == "called a synchronizing CUDA operation"


def test_a_part_that_dies_or_takes_too_long_hides_no_other_one():
    parts = [
        Part(name="no_such_part", title="", seconds=60),
        Part(name="logits", title="", seconds=0.01),
        Part(name="logits", title="", seconds=60, needs=("no_such_module",)),
    ]
    said: list[str] = []
    results = run_all(parts, "cpu", "small", said.append)
    assert [result.state for result in results] == [BROKEN, BROKEN, "skipped"]
    assert "ended with status 1" in results[0].why
    assert "not done after" in results[1].why
    assert said[-1].endswith("no no_such_module here; `make cuda-kit` makes a folder that has them")


def test_a_number_above_its_limit_or_none_at_all_is_marked_and_json_has_no_nan():
    rows = [Row("fine", 1.0, limit=1.0), Row("lost", float("nan"), limit=1.0), Row("told", 12345.6)]
    result = Result(part=PARTS[0], state=FAILED, seconds=1.0, rows=rows)
    assert [line[:6] for line in table([result]).splitlines()[1:]] == ["  fine", "! lost", "  told"]
    content = json.loads(json.dumps(as_json({}, "cpu", "small", [result]), allow_nan=False))
    assert content["passed"] is False
    assert [row["passed"] for row in content["parts"]["loss"]["rows"]] == [True, False, True]


def test_all_parts_together_are_stopped_before_eight_minutes():
    assert sum(part.seconds for part in PARTS) <= 480


def test_the_kit_is_pinned_as_the_lock_is():
    lock = (kit.ROOT / "requirements.lock").read_text()
    pinned = kit.pins(lock, (*kit.BINARY, *kit.SOURCE))
    assert pinned.count("==") == len(kit.BINARY + kit.SOURCE)
    assert all(line in lock.splitlines() for line in pinned.splitlines())
    assert "--hash=sha256:" in pinned.splitlines()[1]


@pytest.mark.acceptance
def test_a_bare_image_without_a_kit_runs_what_it_can_and_says_what_is_lacking(tmp_path):
    python, file = bare_python(tmp_path / "image"), tmp_path / "found.json"
    words = ("--kit", tmp_path / "none", "--only", "loss", "logits", "study", "--json", file)
    status, output = kit_in(python, *words)
    assert status == 0, output
    found = json.loads(file.read_text())
    assert {name: part["state"] for name, part in found["parts"].items()} == {
        "loss": "skipped",
        "logits": "passed",
        "study": "skipped",
    }
    assert "hydra" in found["parts"]["study"]["why"]
    assert "make cuda-kit" in output
    assert found["machine"]["versions"]["hydra-core"] is None
    assert found["machine"]["card"] is None


@pytest.mark.acceptance
def test_a_bare_image_with_the_kit_runs_a_study_and_trains(tmp_path):
    python, file = bare_python(tmp_path / "image"), tmp_path / "found.json"
    status, output = kit_in(python, "--kit", linked_kit(tmp_path / "kit"), "--json", file)
    assert status == 0, output
    parts = json.loads(file.read_text())["parts"]
    assert {name for name, part in parts.items() if part["state"] == "skipped"} == {"loss", "synchronization"}
    (resumed,) = [
        row for row in parts["training"]["rows"] if row["what"] == "resumed: logged steps that differ"
    ]
    assert resumed["note"] == "equal to the last bit"
