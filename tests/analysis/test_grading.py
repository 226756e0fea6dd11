"""The report's table of statuses: counted by hand, and only where a grader was at work."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import sspo.types
from analysis.evidence.evidence import Evidence
from analysis.logs.compact import EVAL, read_logs
from analysis.logs.digests import stream_digests
from analysis.logs.run_folders import compact
from analysis.logs.trace import GRADING
from analysis.tables.grading import STATUSES, grading_table
from tests.analysis.synthetic_store import ARMS, Scale, write_study

ONE = [arm for arm in ARMS if arm.name == "grpo"]
SCALE = Scale(seeds=1, rollouts=2, questions=4, samples=1)
"""Final answers of a set: 4 greedy and 4 sampled."""


@pytest.fixture
def store(tmp_path: Path) -> tuple[Path, dict[str, object]]:
    return tmp_path, write_study(tmp_path, ONE, SCALE)


def logs_of(store: tuple[Path, dict[str, object]]) -> Path:
    place, manifest = store
    compact(place, manifest, place / "logs", as_ended=False)  # a test changes them after the end
    return place / "logs"


def regrade(place: Path, given: list[tuple[str, str | None]]) -> None:
    """Give these statuses of both graders to the final answers of set 'short', in their order."""
    (path,) = place.glob("cells/*/seed0/eval.jsonl")
    waiting, lines = iter(given), []
    for line in path.read_text().splitlines():
        row = json.loads(line)
        if row["final"]:
            row["status"] = "wrong"
            if row["set"] == "short":
                row["status"], second = next(waiting)
                row |= {} if second is None else {"second": second}
        lines.append(json.dumps(row))
    assert next(waiting, None) is None
    path.write_text("\n".join(lines) + "\n")


def test_statuses_and_disagreements_are_counted(store: tuple[Path, dict[str, object]]) -> None:
    given = [
        ("ok", "ok"), ("ok", "wrong"), ("wrong", "ok"), ("wrong", "unparsable"), ("timeout", "wrong"), ("crashed", None),
        ("truncated", None), ("unparsable", None),
    ]  # fmt: skip
    regrade(store[0], given)
    logs = logs_of(store)
    table = grading_table(Evidence(read_logs(logs)))
    assert table is not None
    rows = {row.key: [cell.text for cell in row.cells] for row in table.rows}
    # of 8: ok 2 = 25 %, wrong 2, one of each other = 12.5 %; 5 graded twice, 2 of them apart = 40 %
    assert rows["short"] == ["short", "8", "25.0", "25.0", "12.5", "12.5", "12.5", "12.5", "5", "40.0"]
    assert rows["long"] == ["long", "8", "0.0", "100.0", "0.0", "0.0", "0.0", "0.0", "–", "–"]
    # of 40 in five sets: ok 2 = 5 %, wrong 2 + 32 = 85 %, the others 1 = 2.5 %
    assert rows["all sets"] == ["all sets", "40", "5.0", "85.0", "2.5", "2.5", "2.5", "2.5", "5", "40.0"]
    assert "two graders disagree on 2 of the 5 that both graded" in table.caption[0]
    before = stream_digests(logs)
    assert GRADING in before
    regrade(store[0], [("wrong", "wrong"), *given[1:]])
    assert stream_digests(logs_of(store))[GRADING] != before[GRADING]


def test_where_no_grader_was_at_work_nothing_is_added(store: tuple[Path, dict[str, object]]) -> None:
    logs = logs_of(store)
    assert grading_table(Evidence(read_logs(logs))) is None
    assert "second" not in pq.read_schema(logs / EVAL).names
    assert GRADING not in stream_digests(logs)


def test_the_table_has_every_status_that_a_score_can_have() -> None:
    assert tuple(sspo.types.STATUSES) == STATUSES
