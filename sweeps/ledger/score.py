"""What a run folder says of its run: the primary score, and the accuracy curves that a pruner reads while it trains.

The numbers are those of the report: the mean over samples, then questions, then held-out sets (analysis.evidence.evidence).
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
    """The score of a run that is over, at its last final evaluation; None where it left none."""
    rows = [row for row in _rows(folder / EVAL) if row["final"]]
    last = max((row["rollout"] for row in rows), default=None)
    decoding = (primary.mode, primary.temperature)
    return _mean_over_sets(
        row for row in rows if row["rollout"] == last and (row["mode"], row["temperature"]) == decoding
    )


def curve(folder: Path, *, over: bool) -> dict[int, float]:
    """Held-out accuracy at T = 1 by the number of rollouts trained on.

    A point of a run that is not `over` counts once timing.jsonl, which a rollout ends with, has its rollout: the
    evaluation is then written whole.
    """
    covered = max((row["rollout"] for row in _rows(folder / TIMING)), default=-2)
    points: dict[int, list[Row]] = defaultdict(list)
    for row in _rows(folder / EVAL):
        if not row["final"] and (over or row["rollout"] <= covered):
            points[row["rollout"] + 1].append(row)
    found = {rollouts: _mean_over_sets(rows) for rollouts, rows in sorted(points.items())}
    return {rollouts: score for rollouts, score in found.items() if score is not None}


def rollout_curve(folder: Path) -> dict[int, float]:
    """Accuracy of sampled responses by the number of rollouts that the policy which sampled them was trained on.

    That of the first rollout, which the base samples, is left out: it says nothing of a cell.
    """
    rows = (row for row in _rows(folder / METRICS) if row.get(ACCURACY) is not None)
    return {row["rollout"]: float(row[ACCURACY]) for row in rows if row["rollout"] > 0}


def _mean_over_sets(rows: Iterable[Row]) -> float | None:
    """Each answer once: a run that was resumed may have given one again, and the later counts."""
    answers = {(row["set"], row["question"], row["sample"]): float(row["value"]) for row in rows}
    by_set: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for (name, question, _), value in answers.items():
        by_set[name][question].append(value)
    means = [fmean(fmean(values) for values in questions.values()) for questions in by_set.values()]
    return fmean(means) if means else None


def _rows(path: Path) -> Iterator[Row]:
    """Whole lines of a log; one that is still being written is left for the next time."""
    if not path.is_file():
        return
    with path.open(encoding="utf-8") as stream:
        for line in stream:
            if not line.endswith("\n"):
                return
            yield json.loads(line)
