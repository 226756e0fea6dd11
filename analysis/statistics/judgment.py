"""One word for a claim over one or several comparisons of arms.

Comparisons are pooled as their unweighted mean, and a test of heterogeneity guards the pooling: if they differ, the word is
one that holds for each of them, or `mixed` if there is none or if one is supported and another equivalent or refuted. Each of
`m` claims is judged at alpha / m, so that with probability 1 - alpha no word in the whole list is wrong. A claim over several
comparisons spends four fifths of its share on the pooled interval and one fifth on the word for comparisons that differ.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.statistics.common_spread import common_spread_differ_p, wider_contrast
from analysis.statistics.comparisons import Comparison
from analysis.statistics.contrasts import (
    contrast,
    differ_p,
    paired_contrast,
    paired_differ_p,
)
from analysis.statistics.intervals import Interval, clopper_pearson
from analysis.statistics.words import EQUIVALENT, INCONCLUSIVE, REFUTED, SUPPORTED, word_of

Floats = NDArray[np.float64]
MIXED = "mixed"
POOLED_SHARE = 0.8
"""Share of a claim's error rate that the interval of a pooled effect spends; the word for comparisons that differ spends the rest."""


@dataclass(frozen=True)
class Judgment:
    """The outcome of judging a claim."""

    word: str | None
    """None if nothing estimates the spread."""
    pooled: Comparison
    """The mean over comparisons, with the interval that the word is about."""
    parts: tuple[Comparison, ...]
    """The comparisons, with intervals that hold jointly at `differ_alpha`; the pooled one itself if there is only one."""
    differ_p: float | None
    """p of the hypothesis that all comparisons have one true effect; None for one comparison, or if it cannot be tested."""
    alpha: float
    """Error rate of the pooled interval."""
    differ_alpha: float | None
    """Level of the test that the comparisons differ; None for one comparison."""


def judge_means(
    groups: Sequence[Floats],
    weight_CA: Floats,
    margin: float,
    alpha: float,
    *,
    paired: bool = False,
    collapses: bool = False,
) -> Judgment:
    """Judge comparisons (rows of weights of arm means) at `alpha`, the claim's share of the error rate.

    With `paired`, groups are values of the same seeds in the same order. With `collapses` (a run of any arm of the study
    collapsed), no interval is shorter than with the common spread of all `groups`: pass those of the whole study. Raises ValueError for a group of fewer than two values.
    """

    def estimate(weight_A: Floats, level: float) -> Comparison:
        if paired:
            return paired_contrast(np.stack(groups), weight_A, level)
        if collapses:
            return wider_contrast(groups, weight_A, level)
        return contrast(groups, weight_A, level)

    p = None
    if len(weight_CA) > 1:
        p = paired_differ_p(np.stack(groups), weight_CA) if paired else differ_p(groups, weight_CA)
        if collapses and not paired and p is not None:
            p = max(p, common_spread_differ_p(groups, weight_CA))
    return _judge(estimate, weight_CA, margin, alpha, p)


def judge_shares(
    events_A: Sequence[int], n_A: Sequence[int], weight_CA: Floats, margin: float, alpha: float
) -> Judgment:
    """Judge comparisons of shares: exact limits of every share, combined into a contrast as in Zou and Donner (2008), MOVER.

    For two shares it is Newcombe's interval over Clopper-Pearson's, which is conservative. So is the test of heterogeneity.
    """

    def estimate(weight_A: Floats, level: float) -> Comparison:
        limits = [clopper_pearson(e, n, 1 - level) for e, n in zip(events_A, n_A, strict=True)]
        return share_contrast(limits, weight_A)

    p = shares_differ_p(events_A, n_A, weight_CA) if len(weight_CA) > 1 else None
    return _judge(estimate, weight_CA, margin, alpha, p)


def shares_differ_p(events_A: Sequence[int], n_A: Sequence[int], weight_CA: Floats) -> float | None:
    """Return the smallest level at which the interval of some pair of comparisons excludes equality, adjusted for the number of pairs.

    Return None if there is only one comparison. A Wald test would call shares of four runs different at eleven times its level.
    """
    row_PA = [a - b for a, b in itertools.combinations(weight_CA, 2) if np.abs(a - b).max() > 0]
    if not row_PA:
        return None

    def differ(level: float) -> bool:
        limits = [clopper_pearson(e, n, 1 - level / len(row_PA)) for e, n in zip(events_A, n_A, strict=True)]
        found = (share_contrast(limits, row_A) for row_A in row_PA)
        return any((c.low or 0.0) > 0 or (c.high or 0.0) < 0 for c in found)

    low, high = 0.0, 1.0
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (low, middle) if differ(middle) else (middle, high)
    return high


def share_contrast(limits: Sequence[Interval], weight_A: Floats) -> Comparison:
    """Return sum_a w_a share_a with limits from those of every share."""
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
) -> Judgment:
    comparisons = len(weight_CA)
    level = alpha * POOLED_SHARE if comparisons > 1 else alpha
    pooled = estimate(weight_CA.mean(axis=0), level)
    if comparisons == 1:
        return Judgment(_word([pooled], margin), pooled, (pooled,), p, level, None)
    rest = alpha - level
    parts = tuple(estimate(weight_A, rest / comparisons) for weight_A in weight_CA)
    word = _word([pooled], margin)
    if word is not None and p is not None and p < rest:
        word = _of_different(parts, margin)
    return Judgment(word, pooled, parts, p, level, rest)


def _of_different(parts: Sequence[Comparison], margin: float) -> str:
    """Return the word that holds for each of several comparisons that differ; mixed if there is none, or if one is supported and another equivalent or refuted."""
    words, shared = {_word([part], margin) for part in parts}, _word(parts, margin)
    contradict = SUPPORTED in words and words & {REFUTED, EQUIVALENT}
    return MIXED if contradict or shared in (None, INCONCLUSIVE) else str(shared)


def _word(found: Sequence[Comparison], margin: float) -> str | None:
    """Return the strongest word that holds for all comparisons; None if nothing estimates a spread."""
    ends = [(c.low, c.high) for c in found if c.low is not None and c.high is not None]
    if len(ends) < len(found):
        return None
    return word_of(min(low for low, _ in ends), max(high for _, high in ends), margin)
