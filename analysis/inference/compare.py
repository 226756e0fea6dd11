"""Two arms by either test, from their runs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.evidence.evidence import AVERAGE, Evidence
from analysis.logs.manifest import Arm
from analysis.statistics import Comparison, paired_t, welch
from analysis.statistics.families import FEWEST_RUNS


@dataclass(frozen=True)
class Compared:
    """An arm minus its reference by both tests. None where a side has no run, or no seed is shared."""

    welch: Comparison | None
    paired: Comparison | None
    correlation: float | None
    """Of the two arms over shared seeds; None below three, and where a side does not vary."""

    def by(self, *, paired: bool) -> Comparison | None:
        """The comparison of a rule; Welch's where arms share too few seeds to be paired."""
        return self.paired if paired and self.paired is not None else self.welch


def compare(
    evidence: Evidence, scores: pd.DataFrame, arm: Arm, other: Arm | None = None, column: str = AVERAGE
) -> Compared | None:
    """An arm against its reference (or `other`); None without one.

    Runs of A/A arms count for their cell, except where the A/A arm itself is compared with its original.
    """
    reference = other or evidence.study.reference_of(arm)
    if reference is None:
        return None
    of = evidence.of_arm if arm.role == "aa" else evidence.of_cell
    mine, theirs = of(scores, arm, column), of(scores, reference, column)
    shared = sorted(mine.keys() & theirs.keys())
    pairs = [mine[s] for s in shared], [theirs[s] for s in shared]
    return Compared(
        welch=welch(list(mine.values()), list(theirs.values())) if mine and theirs else None,
        paired=paired_t(*pairs) if shared else None,
        correlation=_correlation(*pairs),
    )


def _correlation(mine: list[float], theirs: list[float]) -> float | None:
    if len(mine) < 3 or min(np.std(mine), np.std(theirs)) < 1e-12:
        return None
    return float(np.corrcoef(mine, theirs)[0, 1])


def enough(
    evidence: Evidence, scores: pd.DataFrame, arm: Arm, reference: Arm, found: Comparison | None
) -> bool:
    """Whether both arms have the runs that a p takes; of a paired test, pairs."""
    sizes = [len(evidence.of_cell(scores, side)) for side in (arm, reference)]
    if found is not None and found.test == "paired":
        sizes.append(found.n)
    return min(sizes) >= FEWEST_RUNS
