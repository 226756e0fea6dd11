"""Comparisons for studies with collapsed runs: an arm none of whose few runs collapsed seems far steadier than it is.

Welch's t takes such an arm's spread from its healthy runs alone. If arms of equal means collapse in unequal shares, it then finds
a false difference in up to half of simulated studies (docs/statistics.md). The spread over all arms includes the collapses.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import special

from analysis.statistics.comparisons import Comparison, welch
from analysis.statistics.contrasts import JointTest, contrast, independent_rows
from analysis.statistics.intervals import no_spread, t_quantile

Floats = NDArray[np.float64]
COMMON = "common spread"


def careful_welch(
    groups: Sequence[Sequence[float]], treatment: int, baseline: int, level: float = 0.95
) -> Comparison:
    """Compare two of the groups by Welch's t or by the t with one spread for all groups, whichever has the larger p.

    The interval and error belong to the test that is taken, so that p and interval agree at every level. Raises ValueError if
    a side is empty.
    """
    own = welch(groups[treatment], groups[baseline], level)
    if min(len(groups[treatment]), len(groups[baseline])) < 2:
        return own
    weight_A = np.zeros(len(groups))
    weight_A[treatment], weight_A[baseline] = 1.0, -1.0
    common = common_spread_contrast([np.asarray(g, np.float64) for g in groups], weight_A, 1 - level)
    common = replace(common, n=own.n)
    return own if common.p is None or (own.p is not None and own.p >= common.p) else common


def common_spread_contrast(groups: Sequence[Floats], weight_A: Floats, alpha: float) -> Comparison:
    """Return sum_a w_a mean_a with its 1 - alpha interval from one variance for all groups, including those of weight 0.

    Raises ValueError for a weighted group without values.
    """
    if any(w and not g.size for g, w in zip(groups, weight_A, strict=True)):
        raise ValueError("a weighted group has no values")
    estimate = sum(float(w) * float(g.mean()) for g, w in zip(groups, weight_A, strict=True) if w)
    n = min(g.size for g, w in zip(groups, weight_A, strict=True) if w)
    variance, df = _common_variance(groups)
    error = math.sqrt(
        variance * sum(float(w * w) / g.size for g, w in zip(groups, weight_A, strict=True) if w)
    )
    if df < 1 or no_spread(error, *(g for g in groups if g.size)):
        return Comparison(estimate, None, None, None, None, n, COMMON)
    half = t_quantile(df, 1 - alpha) * error
    p = float(2 * special.stdtr(df, -abs(estimate / error)))
    return Comparison(estimate, estimate - half, estimate + half, p, df, n, COMMON, error)


def wider_contrast(groups: Sequence[Floats], weight_A: Floats, alpha: float) -> Comparison:
    """Return the contrast with separate spreads or with the common one, whichever interval is wider."""
    own, common = contrast(groups, weight_A, alpha), common_spread_contrast(groups, weight_A, alpha)
    return max((c for c in (own, common)), key=lambda c: 0.0 if c.high is None else c.high - c.difference)


def common_spread_differ_p(groups: Sequence[Floats], weight_CA: Floats) -> float:
    """Return p of the F test that all contrasts (rows) are equal, with one variance for all groups; 1 if it cannot be tested."""
    found = common_spread_test(groups, weight_CA[1:] - weight_CA[0])
    return 1.0 if found is None else found.p


def common_spread_test(groups: Sequence[Floats], weight_KA: Floats) -> JointTest | None:
    """Test that all contrasts (rows) are zero, with one variance for all groups. Return None if it cannot be tested."""
    rows_KA = independent_rows(weight_KA)
    variance, df = _common_variance(groups)
    if not len(rows_KA) or df < 1 or variance <= 0:
        return None
    used = np.abs(rows_KA).sum(axis=0) > 0
    mean_A = np.array([g.mean() if u else 0.0 for g, u in zip(groups, used, strict=True)])
    size_A = np.array([g.size if u else 1 for g, u in zip(groups, used, strict=True)])
    difference_K = rows_KA @ mean_A
    covariance = rows_KA @ (rows_KA / size_A).T
    f = float(difference_K @ np.linalg.solve(covariance, difference_K)) / variance / len(rows_KA)
    return JointTest(f, (float(len(rows_KA)), df), float(special.fdtrc(len(rows_KA), df, f)))


def _common_variance(groups: Sequence[Floats]) -> tuple[float, float]:
    """Return the variance common to all groups, and its degrees of freedom."""
    df = float(sum(g.size - 1 for g in groups if g.size))
    total = sum(float(g.var(ddof=1)) * (g.size - 1) for g in groups if g.size > 1)
    return (total / df if df else 0.0), df
