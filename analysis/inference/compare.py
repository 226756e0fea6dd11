"""Two arms by either test, from their runs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.evidence.collapse import any_collapsed
from analysis.evidence.evidence import AVERAGE, Evidence, values
from analysis.logs.manifest import Arm
from analysis.statistics import Comparison, paired_t, welch
from analysis.statistics.common_spread import careful_welch
from analysis.statistics.families import FEWEST_RUNS


@dataclass(frozen=True)
class Compared:
    """An arm minus its reference by both tests: None if a side has no run, or if no seed is shared."""

    welch: Comparison | None
    paired: Comparison | None
    correlation: float | None
    """Correlation of the two arms over shared seeds; None below three seeds, and if a side does not vary."""

    def by(self, *, paired: bool) -> Comparison | None:
        """Return the comparison of a rule; Welch's if arms share too few seeds to be paired."""
        return self.paired if paired and self.paired is not None else self.welch


def compare(
    evidence: Evidence, scores: pd.DataFrame, arm: Arm, other: Arm | None = None, column: str = AVERAGE
) -> Compared | None:
    """Compare an arm with its reference (or `other`). Return None without one.

    Runs of A/A arms count for their cell, except when the A/A arm itself is compared with its original. If some run collapsed, an
    arm none of whose runs did seems steadier than it is: then Welch's t or one spread for all arms, whichever finds less.
    """
    reference = other or evidence.study.reference_of(arm)
    if reference is None:
        return None
    of = evidence.of_arm if arm.role == "aa" else evidence.of_cell
    mine, theirs = of(scores, arm, column), of(scores, reference, column)
    shared = sorted(mine.keys() & theirs.keys())
    pairs = [mine[s] for s in shared], [theirs[s] for s in shared]
    careful = arm.role != "aa" and any_collapsed(evidence)
    if not (mine and theirs):
        unpaired = None
    elif careful:
        unpaired = _among_all(evidence, scores, (arm, reference), column)
    else:
        unpaired = welch(list(mine.values()), list(theirs.values()))
    return Compared(
        welch=unpaired,
        paired=paired_t(*pairs) if shared else None,
        correlation=_correlation(*pairs),
    )


def _among_all(evidence: Evidence, scores: pd.DataFrame, pair: tuple[Arm, Arm], column: str) -> Comparison:
    """Compare two arms with the common spread of all competing arms."""
    others = [a for a in evidence.study.arms if a.competes and a not in pair]
    groups = [values(evidence, scores, a, column) for a in (*pair, *others)]
    return careful_welch(groups, 0, 1)


def _correlation(mine: list[float], theirs: list[float]) -> float | None:
    if len(mine) < 3 or min(np.std(mine), np.std(theirs)) < 1e-12:
        return None
    return float(np.corrcoef(mine, theirs)[0, 1])


def enough(
    evidence: Evidence, scores: pd.DataFrame, arm: Arm, reference: Arm, found: Comparison | None
) -> bool:
    """Return whether both arms have the runs that a p needs, or the pairs if the test is paired."""
    sizes = [len(evidence.of_cell(scores, side)) for side in (arm, reference)]
    if found is not None and found.test == "paired":
        sizes.append(found.n)
    return min(sizes) >= FEWEST_RUNS
