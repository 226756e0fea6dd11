"""Linear contrasts of arm means: several comparisons as one number, and whether they differ from each other.

Arms are independent groups of runs, each with its own variance. Comparisons that share an arm are not independent of each other;
as contrasts of arm means they need not be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from analysis.statistics.comparisons import Comparison, paired_t
from analysis.statistics.intervals import no_spread, t_quantile

Floats = NDArray[np.float64]


def contrast(groups: Sequence[Floats], weight_A: Floats, alpha: float) -> Comparison:
    """Return sum_a w_a mean_a with its 1 - alpha interval: one variance per group, Satterthwaite's degrees of freedom.

    With weights 1 and -1 it is Welch's t. Degrees of freedom of more than two arms are at most those at equal spreads: without this
    bound, the mean of four comparisons with one reference of four runs errs at 1.7 times a small alpha. Interval and p are None
    if nothing estimates the spread. n is the fewest values of a weighted group. Raises ValueError for a weighted group of fewer than two values.
    """
    used = [(np.asarray(g, dtype=np.float64), float(w)) for g, w in zip(groups, weight_A, strict=True) if w]
    if min(g.size for g, _ in used) < 2:
        raise ValueError("a contrast needs two values per group")
    estimate = sum(w * float(g.mean()) for g, w in used)
    variance_A = np.array([w * w * float(g.var(ddof=1)) / g.size for g, w in used])
    n, error = min(g.size for g, _ in used), float(np.sqrt(variance_A.sum()))
    if no_spread(error, *(g for g, _ in used)):
        return Comparison(estimate, None, None, None, None, n, "welch")
    # no more than at equal spreads: a heavily weighted group that happens to vary little would claim too much precision
    equal_A = np.array([w * w / g.size for g, w in used])
    df = _freedom(variance_A, used)
    if len(used) > 2:
        df = min(df, _freedom(equal_A, used))
    half = t_quantile(df, 1 - alpha) * error
    p = float(2 * special.stdtr(df, -abs(estimate / error)))
    return Comparison(estimate, estimate - half, estimate + half, p, df, n, "welch", error)


def _freedom(variance_A: Floats, used: Sequence[tuple[Floats, float]]) -> float:
    """Return Satterthwaite's degrees of freedom of a sum of variances of means."""
    parts = sum(v * v / (g.size - 1) for v, (g, _) in zip(variance_A, used, strict=True))
    return float(variance_A.sum() ** 2 / parts)


def paired_contrast(value_AS: Floats, weight_A: Floats, alpha: float) -> Comparison:
    """Return the contrast within seeds: one number per seed, and a one-sample t over them."""
    value_S = weight_A @ value_AS
    return paired_t(value_S.tolist(), [0.0] * value_S.size, level=1 - alpha)


@dataclass(frozen=True)
class JointTest:
    """An F test of several contrasts at once."""

    f: float
    df: tuple[float, float]
    p: float


def differ_p(groups: Sequence[Floats], weight_CA: Floats) -> float | None:
    """Return p of the hypothesis that all contrasts (rows) are equal; None if it cannot be tested."""
    found = joint_test(groups, weight_CA[1:] - weight_CA[0])
    return None if found is None else found.p


def joint_test(groups: Sequence[Floats], weight_KA: Floats) -> JointTest | None:
    """Test that all contrasts (rows) are zero, after Johansen (1980). Return None if it cannot be tested.

    Welch's approximate-df test for linear hypotheses on means with unequal variances: for one contrast of two arms it is Welch's
    t squared. Rows may be dependent: only the space that they span matters.
    """
    rows_KA = independent_rows(weight_KA)
    used = np.abs(rows_KA).sum(axis=0) > 0
    mine = [np.asarray(g, dtype=np.float64) for g, u in zip(groups, used, strict=True) if u]
    if not len(rows_KA) or min(g.size for g in mine) < 2:
        return None
    rows_KA, n_A = rows_KA[:, used], np.array([g.size for g in mine])
    mean_A, variance_A = np.array([g.mean() for g in mine]), np.array([g.var(ddof=1) for g in mine]) / n_A
    if all(no_spread(float(g.std()), g) for g in mine):
        return None
    k = len(rows_KA)
    covariance = rows_KA @ (variance_A[:, None] * rows_KA.T)
    if np.linalg.matrix_rank(covariance) < k:
        return None
    inner = np.linalg.inv(covariance)
    difference_K = rows_KA @ mean_A
    share_A = np.einsum("ka,kl,la->a", rows_KA, inner, rows_KA) * variance_A
    a = float((share_A**2 / (n_A - 1)).sum())
    f = float(difference_K @ inner @ difference_K) / (k + 2 * a - 6 * a / (k + 2))
    df = (float(k), k * (k + 2) / (3 * a))
    return JointTest(f, df, float(special.fdtrc(*df, f)))


def paired_differ_p(value_AS: Floats, weight_CA: Floats) -> float | None:
    """Return differ_p within seeds, by Hotelling's T squared; None unless there are more seeds than independent contrasts."""
    between_KA = independent_rows(weight_CA[1:] - weight_CA[0])
    k, seeds = len(between_KA), value_AS.shape[1]
    if not k or seeds <= k:
        return None
    value_KS = between_KA @ value_AS
    covariance = np.atleast_2d(np.cov(value_KS))
    if np.linalg.matrix_rank(covariance) < k:
        return None
    mean_K = value_KS.mean(axis=1)
    t2 = seeds * float(mean_K @ np.linalg.solve(covariance, mean_K))
    return float(special.fdtrc(k, seeds - k, t2 * (seeds - k) / (k * (seeds - 1))))


def independent_rows(row_CA: Floats) -> Floats:
    """Return orthonormal rows that span the same space; none for rows of zeros."""
    if not row_CA.size:
        return row_CA.reshape(0, row_CA.shape[-1])
    _, size_K, rows = np.linalg.svd(row_CA, full_matrices=False)
    kept: Floats = rows[size_K > 1e-9 * max(float(size_K.max()), 1e-300)]
    return kept
