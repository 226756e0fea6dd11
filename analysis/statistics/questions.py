"""Scores over questions, paired by question: their precision given the runs that were made, not over other runs.

After "Adding Error Bars to Evals" (arXiv 2411.00640): the questions of each set are the sampling unit; samples of one question
share it. Letters: Q questions of a set.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.statistics.comparisons import two_sided_p
from analysis.statistics.intervals import no_spread, t_quantile

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class QuestionComparison:
    """Treatment minus baseline over the questions that both answered. Interval and p are None if nothing estimates the
    spread: a set of one question, or differences that are all equal."""

    difference: float
    low: float | None
    high: float | None
    p: float | None
    df: float | None
    error: float | None
    """Standard error of the difference, clustered by question."""
    questions: int
    correlation: float | None
    """Correlation of the two sides over questions within sets: error^2 = a^2 + b^2 - 2 correlation a b of their own errors a and b.
    None if a side does not vary."""


def question_error(sets: Sequence[Floats]) -> float | None:
    """Return the standard error of the unweighted mean over sets, each given as the means of its Q questions; None if one has fewer than two."""
    return None if not sets or min(map(len, sets)) < 2 else math.sqrt(_covariance(sets, sets))


def paired_by_question(
    treatment: Sequence[Floats], baseline: Sequence[Floats], level: float = 0.95
) -> QuestionComparison:
    """Compare unweighted means over sets by a paired t over questions; both sides hold question means, set by set in equal order.

    The degrees of freedom are Welch's and Satterthwaite's for a sum over sets: Q - 1 for one set, about the sum for equal
    ones. Raises ValueError if the sides do not form pairs.
    """
    if [len(a) for a in treatment] != [len(b) for b in baseline] or not min(map(len, treatment), default=0):
        raise ValueError("the two sides do not hold the same questions")
    pairs = [
        (np.asarray(a, np.float64), np.asarray(b, np.float64))
        for a, b in zip(treatment, baseline, strict=True)
    ]
    apart = [a - b for a, b in pairs]
    difference = float(np.mean([d.mean() for d in apart]))
    count = sum(map(len, apart))
    error = question_error(apart)
    related = _correlation([a for a, _ in pairs], [b for _, b in pairs])
    if error is None or no_spread(error, *(side for pair in pairs for side in pair)):
        return QuestionComparison(difference, None, None, None, None, None, count, related)
    parts = [float(d.var(ddof=1)) / len(d) for d in apart]
    df = sum(parts) ** 2 / sum(part**2 / (len(d) - 1) for part, d in zip(parts, apart, strict=True))
    half = t_quantile(df, level) * error
    p = float(two_sided_p(np.asarray(difference), np.asarray(error), np.asarray(df)))
    return QuestionComparison(difference, difference - half, difference + half, p, df, error, count, related)


def _covariance(one: Sequence[Floats], other: Sequence[Floats]) -> float:
    """Return the covariance of two means over sets, from the covariance over questions within each set."""
    parts = [
        float(((a - a.mean()) * (b - b.mean())).sum()) / (len(a) - 1) / len(a)
        for a, b in zip(one, other, strict=True)
    ]
    return sum(parts) / len(parts) ** 2


def _correlation(one: Sequence[Floats], other: Sequence[Floats]) -> float | None:
    if min(map(len, one)) < 2:
        return None
    a, b = _covariance(one, one), _covariance(other, other)
    if no_spread(math.sqrt(a), *one) or no_spread(math.sqrt(b), *other):
        return None
    return max(-1.0, min(1.0, _covariance(one, other) / math.sqrt(a * b)))
