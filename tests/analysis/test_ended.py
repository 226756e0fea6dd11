"""A finished run whose logs were cut or changed after its end: it is broken, and report and verify say which file."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest
from synthetic_store import FakeArm, Scale, write_study

from analysis.logs.column_cache import ReadLog
from analysis.logs.ended import Ended
from analysis.logs.manifest import from_manifest
from analysis.logs.run_folders import read_runs
from analysis.report import write_report
from analysis.verify.verify import verify

ARMS = (
    FakeArm(name="grpo", label="GRPO", level=0.5, clip=0.01),
    FakeArm(name="sspo", label="SSPO", level=0.6, clip=0.03, ratio="segment", adapt="tanh", bound=0.05),
)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    write_study(
        tmp_path / "runs", ARMS, Scale(seeds=2, rollouts=2, questions=4, samples=2, curve_questions=2)
    )
    return tmp_path / "runs"


def states(store: Path) -> dict[tuple[str, int], tuple[str, str]]:
    study = from_manifest(json.loads(next((store / "studies").glob("*.json")).read_text()))
    records = [run.record for run in read_runs(store, study, ("done",))]
    return {(record["arm"], record["seed"]): (record["status"], record["reason"]) for record in records}


def folder(store: Path) -> Path:
    """That of grpo seed 0."""
    arms = json.loads(next((store / "studies").glob("*.json")).read_text())["arms"]
    return store / "cells" / arms[0]["cell"] / "seed0"


def flip(content: bytes) -> bytes:
    at = content.index(b"0.")
    return content[: at + 2] + bytes([content[at + 2] ^ 1]) + content[at + 3 :]


@pytest.mark.parametrize("log", ["metrics.jsonl", "eval.jsonl"])
@pytest.mark.parametrize("change", [lambda content: content[:200], lambda content: b"", flip])
def test_a_log_that_was_changed_after_the_end_makes_its_run_broken_and_no_other(store, log, change):
    path = folder(store) / log
    if change is flip and log == "eval.jsonl":
        path.write_bytes(path.read_bytes().replace(b'"value": 0', b'"value": 1', 1))
    else:
        path.write_bytes(change(path.read_bytes()))
    found = states(store)
    status, reason = found.pop(("grpo", 0))
    assert status == "broken"
    assert reason.startswith(log)
    assert reason.endswith("run that seed again")
    assert {status for status, _ in found.values()} == {"done"}


def test_a_log_that_was_cut_is_noticed_without_digests_by_the_steps_of_the_marker(store):
    run = folder(store)
    marker = json.loads((run / "DONE.json").read_text())
    del marker["logs"]  # as older runs have it
    (run / "DONE.json").write_text(json.dumps(marker))
    assert states(store)["grpo", 0][0] == "done"
    path = run / "metrics.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:2]))
    assert states(store)["grpo", 0] == (
        "broken",
        f"metrics.jsonl ends at step 2, but the run at {len(lines)}: run that seed again",
    )


def test_a_report_leaves_the_run_out_and_verify_does_not_bless_the_folder(undrawn, unremade, store, tmp_path):
    out = tmp_path / "reports"
    report, preset = write_report("toy", None, store, out)
    assert verify("toy", preset, store, out).intact
    path = folder(store) / "metrics.jsonl"
    path.write_bytes(path.read_bytes()[:200])
    found = verify("toy", preset, store, out)
    assert not found.intact
    assert any(str(path) in line for line in found.lines)
    write_report("toy", preset, store, out)
    record = json.loads((report / "logs" / "runs.json").read_text())[0]
    assert (record["status"], record["reason"].startswith("metrics.jsonl has 200 bytes")) == ("broken", True)
    assert "1 of 4 planned runs to note: grpo seed 0" in (report / "index.md").read_text()


def test_logs_of_no_line_are_those_of_a_run_of_no_step():
    empty = ReadLog(pa.table({"step": pa.array([], pa.int32())}))
    assert Ended(steps=0).flaw("metrics.jsonl", empty) is None
    assert Ended(steps=3).flaw("metrics.jsonl", empty) == "metrics.jsonl ends at step 0, but the run at 3"
    assert Ended(extents={"x": (1, "a")}).flaw("metrics.jsonl", empty) is None
