"""One word for a claim over one or several comparisons of arms.

Comparisons are pooled as their unweighted mean, and a test of heterogeneity guards the pooling. Of `m` claims each is judged at
alpha / m, so that with probability 1 - alpha no word in the whole list is wrong. A claim over several comparisons spends four fifths
of its share on the interval and one fifth on the test.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from analysis.statistics.comparisons import Comparison
from analysis.statistics.contrasts import (
    contrast,
    differ_p,
    independent_rows,
    paired_contrast,
    paired_differ_p,
)
from analysis.statistics.intervals import Interval, clopper_pearson
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
    alpha: float
    """What the pooled interval leaves out."""
    differ_alpha: float | None
    """The level at which they are called different; None for one comparison."""


def judge_means(
    groups: Sequence[Floats], weight_CA: Floats, margin: float, alpha: float, *, paired: bool = False
) -> Judgement:
    """Judge comparisons (rows of weights of arm means) at `alpha`, the claim's share of the error rate.

    With `paired`, groups are values of the same seeds in the same order. Raises ValueError for a group of fewer than two values.
    """

    def estimate(weight_A: Floats, level: float) -> Comparison:
        if paired:
            return paired_contrast(np.stack(groups), weight_A, level)
        return contrast(groups, weight_A, level)

    p = None
    if len(weight_CA) > 1:
        p = paired_differ_p(np.stack(groups), weight_CA) if paired else differ_p(groups, weight_CA)
    return _judge(estimate, weight_CA, margin, alpha, p)


def judge_shares(
    events_A: Sequence[int], n_A: Sequence[int], weight_CA: Floats, margin: float, alpha: float
) -> Judgement:
    """The same of shares: exact limits of every share, put together for a contrast as Zou and Donner (2008) do (MOVER).

    For two shares it is Newcombe's interval over Clopper-Pearson's, which is rather too wide. Heterogeneity is tested by a Wald
    chi-square on shares with half an event more of either kind.
    """

    def estimate(weight_A: Floats, level: float) -> Comparison:
        limits = [clopper_pearson(e, n, 1 - level) for e, n in zip(events_A, n_A, strict=True)]
        return share_contrast(limits, weight_A)

    p = None
    if len(weight_CA) > 1:
        smooth_A = (np.asarray(events_A) + 0.5) / (np.asarray(n_A) + 1)
        variance_A = smooth_A * (1 - smooth_A) / np.asarray(n_A)
        rows_KA = independent_rows(weight_CA[1:] - weight_CA[0])
        if len(rows_KA):
            share_K = rows_KA @ (np.asarray(events_A) / np.asarray(n_A))
            covariance = rows_KA @ (variance_A[:, None] * rows_KA.T)
            p = float(special.chdtrc(len(rows_KA), float(share_K @ np.linalg.solve(covariance, share_K))))
    return _judge(estimate, weight_CA, margin, alpha, p)


def share_contrast(limits: Sequence[Interval], weight_A: Floats) -> Comparison:
    """sum_a w_a share_a with limits from those of every share."""
    used = [(i, float(w)) for i, w in zip(limits, weight_A, strict=True) if w]
    point = sum(w * i.point for i, w in used)
    below = [w * (i.point - (i.low or 0.0)) if w > 0 else -w * ((i.high or 0.0) - i.point) for i, w in used]
    above = [w * ((i.high or 0.0) - i.point) if w > 0 else -w * (i.point - (i.low or 0.0)) for i, w in used]
    low, high = point - math.hypot(*below), point + math.hypot(*above)
    return Comparison(point, low, high, None, None, min(i.n for i, _ in used), "exact shares")


def _judge(
    estimate: Callable[[Floats, float], Comparison],
    weight_CA: Floats,
    margin: float,
    alpha: float,
    p: float | None,
) -> Judgement:
    several = len(weight_CA) > 1
    level = alpha * POOLED_SHARE if several else alpha
    pooled = estimate(weight_CA.mean(axis=0), level)
    parts = (
        tuple(estimate(weight_A, level / len(weight_CA)) for weight_A in weight_CA) if several else (pooled,)
    )
    differ_alpha = alpha - level if several else None
    return Judgement(_word(pooled, margin, p, differ_alpha), pooled, parts, p, level, differ_alpha)


def _word(pooled: Comparison, margin: float, p: float | None, differ_alpha: float | None) -> str | None:
    if pooled.low is None or pooled.high is None:
        return None
    if p is not None and differ_alpha is not None and p < differ_alpha:
        return MIXED
    return word_of(pooled.low, pooled.high, margin)
