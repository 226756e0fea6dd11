"""An arm's questions: their means over its runs and samples, and arms paired by question."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.evidence.evidence import Evidence
from analysis.logs.manifest import Arm
from analysis.statistics import QuestionComparison, paired_by_question


@dataclass(frozen=True)
class Paired:
    """Two arms over the questions that both answered."""

    comparison: QuestionComparison | None
    """None if a set has no question that both answered."""
    left_out: int
    """Questions that only one of them answered."""


def question_means(
    evidence: Evidence, arm: Arm, mode: str, temperature: float, *, cell: bool = True
) -> pd.Series:
    """Return the mean over the scored runs of the arm (of its cell, with the A/A arms) and their samples, by set and question;
    empty without a scored run."""
    runs = evidence.counted_of_cell(arm) if cell else evidence.counted(arm)
    scored = evidence.scores(mode, temperature).index
    q = evidence.questions
    mine = q[(q["mode"] == mode) & (q["temperature"] == temperature)]
    mine = mine[mine["run"].isin([run for run in runs if run in scored])]
    return mine.groupby(["set", "question"], observed=True)["mean"].mean()


def paired(evidence: Evidence, arm: Arm, reference: Arm, mode: str, temperature: float) -> Paired:
    """Compare an arm with its reference, question by question."""
    cell = arm.role != "aa"
    return pair(
        question_means(evidence, arm, mode, temperature, cell=cell),
        question_means(evidence, reference, mode, temperature, cell=cell),
    )


def pair(mine: pd.Series, theirs: pd.Series) -> Paired:
    """Compare means by set and question over shared questions; there is no comparison if a set of either has none."""
    if (
        mine.empty or theirs.empty
    ):  # pandas does not align an empty index with one of more than 127 categories
        return Paired(None, len(mine) + len(theirs))
    both = pd.concat([mine.rename("mine"), theirs.rename("theirs")], axis=1)
    shared = both.dropna()
    sets = by_set(shared["mine"]), by_set(shared["theirs"])
    asked = set(both.index.get_level_values("set"))
    found = paired_by_question(*sets) if asked and len(sets[0]) == len(asked) else None
    return Paired(found, len(both) - len(shared))


def by_set(means: pd.Series) -> list[NDArray[np.float64]]:
    """Return the means of each set, sets and questions in sorted order."""
    names = means.index.get_level_values("set").astype(str)
    ordered = means.groupby(names, sort=True)
    return [values.sort_index().to_numpy(np.float64) for _, values in ordered]
