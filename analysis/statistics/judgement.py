"""One word for a claim over one or several comparisons of arms.

Comparisons are pooled as their unweighted mean, and a test of heterogeneity guards the pooling. Of `m` claims each is judged at
alpha / m, so that with probability 1 - alpha no word in the whole list is wrong. A claim over several comparisons spends four fifths
of its share on the interval and one fifth on the test.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.statistics.comparisons import Comparison
from analysis.statistics.contrasts import contrast, differ_p, paired_contrast, paired_differ_p
from analysis.statistics.words import word_of

Floats = NDArray[np.float64]
MIXED = "mixed"
POOLED_SHARE = 0.8
"""Of a claim's error rate, what the interval of a pooled effect spends; the test of heterogeneity has the rest."""


@dataclass(frozen=True)
class Judgement:
    """What a claim comes to."""

    word: str | None
    """None where nothing estimates the spread."""
    pooled: Comparison
    """The mean over comparisons, with the interval that the word is about."""
    parts: tuple[Comparison, ...]
    """The comparisons, with intervals that hold jointly; the pooled one itself where there is one."""
    differ_p: float | None
    """Of the hypothesis that all comparisons have one true effect; None for one comparison, or where nothing can tell."""
    differ_alpha: float | None
    """The level at which they are called different; None for one comparison."""


def judge_means(
    groups: Sequence[Floats], weight_CA: Floats, margin: float, alpha: float, *, paired: bool = False
) -> Judgement:
    """Judge comparisons (rows of weights of arm means) at `alpha`, the claim's share of the error rate.

    With `paired`, groups are values of the same seeds in the same order. Raises ValueError for a group of fewer than two values.
    """
    comparisons = len(weight_CA)
    several = comparisons > 1
    level = alpha * POOLED_SHARE if several else alpha

    def estimate(weight_A: Floats, at: float) -> Comparison:
        if paired:
            return paired_contrast(np.stack(groups), weight_A, at)
        return contrast(groups, weight_A, at)

    pooled = estimate(weight_CA.mean(axis=0), level)
    parts = tuple(estimate(weight_A, level / comparisons) for weight_A in weight_CA) if several else (pooled,)
    p = None
    if several:
        p = paired_differ_p(np.stack(groups), weight_CA) if paired else differ_p(groups, weight_CA)
    differ_alpha = alpha - level if several else None
    return Judgement(_word(pooled, margin, p, differ_alpha), pooled, parts, p, differ_alpha)


def _word(pooled: Comparison, margin: float, p: float | None, differ_alpha: float | None) -> str | None:
    if pooled.low is None or pooled.high is None:
        return None
    if p is not None and differ_alpha is not None and p < differ_alpha:
        return MIXED
    return word_of(pooled.low, pooled.high, margin)
