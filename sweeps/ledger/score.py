"""Scores read from a run folder: the primary score, and the accuracy curves that a pruner reads while a run trains.

The numbers equal those of the report: the mean over samples, then questions, then held-out sets (analysis.evidence.evidence).
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

from sspo.runs.runlog import EVAL, METRICS, TIMING
from sweeps.study.spec import Primary

Row = Mapping[str, Any]
ACCURACY = "rollout/accuracy"


def primary_score(folder: Path, primary: Primary) -> float | None:
    """Return the score of a finished run at its last final evaluation; None if it has none."""
    rows = [row for row in _rows(folder / EVAL) if row["final"]]
    last = max((row["rollout"] for row in rows), default=None)
    decoding = (primary.mode, primary.temperature)
    return _mean_over_sets(
        row for row in rows if row["rollout"] == last and (row["mode"], row["temperature"]) == decoding
    )


def curve(folder: Path, *, over: bool) -> dict[int, float]:
    """Return held-out accuracy at T = 1 by the number of rollouts trained on.

    A point of a run that is not `over` counts once timing.jsonl, which is written last in a rollout, has its rollout: only then
    is the evaluation complete.
    """
    covered = max((row["rollout"] for row in _rows(folder / TIMING)), default=-2)
    points: dict[int, list[Row]] = defaultdict(list)
    for row in _rows(folder / EVAL):
        if not row["final"] and (over or row["rollout"] <= covered):
            points[row["rollout"] + 1].append(row)
    found = {rollouts: _mean_over_sets(rows) for rollouts, rows in sorted(points.items())}
    return {rollouts: score for rollouts, score in found.items() if score is not None}


def rollout_curve(folder: Path) -> dict[int, float]:
    """Return accuracy of sampled responses by the number of rollouts that the sampling policy was trained on.

    The first rollout, which the base samples, is left out: it does not depend on the cell.
    """
    rows = (row for row in _rows(folder / METRICS) if row.get(ACCURACY) is not None)
    return {row["rollout"]: float(row[ACCURACY]) for row in rows if row["rollout"] > 0}


def _mean_over_sets(rows: Iterable[Row]) -> float | None:
    """Return the mean over sets, with each answer counted once: a resumed run may repeat an answer, and the later one counts."""
    answers = {(row["set"], row["question"], row["sample"]): float(row["value"]) for row in rows}
    by_set: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for (name, question, _), value in answers.items():
        by_set[name][question].append(value)
    means = [fmean(fmean(values) for values in questions.values()) for questions in by_set.values()]
    return fmean(means) if means else None


def _rows(path: Path) -> Iterator[Row]:
    """Yield the complete lines of a log; a line that is still being written is left out."""
    if not path.is_file():
        return
    with path.open(encoding="utf-8") as stream:
        for line in stream:
            if not line.endswith("\n"):
                return
            yield json.loads(line)
