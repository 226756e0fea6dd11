"""Differences between arms, and the correction for making several."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from analysis.statistics.intervals import no_spread, t_quantile


@dataclass(frozen=True)
class Comparison:
    """Treatment minus baseline. Interval and p are None where nothing estimates the spread: fewer than two runs (or pairs), or equal ones."""

    difference: float
    low: float | None
    high: float | None
    p: float | None
    df: float | None
    n: int
    """Pairs of a paired test; runs of the treatment otherwise."""
    test: str


def _from_error(difference: float, error: float, df: float, n: int, test: str, level: float) -> Comparison:
    half = t_quantile(df, level) * error
    p = 2 * float(special.stdtr(df, -abs(difference / error)))
    return Comparison(difference, difference - half, difference + half, p, df, n, test)


def paired_t(treatment: Sequence[float], baseline: Sequence[float], level: float = 0.95) -> Comparison:
    """Paired t over runs of equal seeds, in the same order. Raises ValueError where lengths differ or are 0."""
    if len(treatment) != len(baseline) or not treatment:
        raise ValueError(f"{len(treatment)} and {len(baseline)} values are no pairs")
    d = np.asarray(treatment, dtype=np.float64) - np.asarray(baseline, dtype=np.float64)
    n, mean = int(d.size), float(d.mean())
    error = float(d.std(ddof=1)) / math.sqrt(n) if n > 1 else 0.0
    if no_spread(error, np.asarray(treatment), np.asarray(baseline)):
        return Comparison(mean, None, None, None, None, n, "paired")
    return _from_error(mean, error, n - 1, n, "paired", level)


def _welch_error(a: NDArray[np.float64], b: NDArray[np.float64]) -> tuple[float, float] | None:
    """Standard error of the difference and its degrees of freedom; None where neither side varies."""
    va, vb = float(a.var(ddof=1)) / a.size, float(b.var(ddof=1)) / b.size
    if no_spread(math.sqrt(va + vb), a, b):
        return None
    return math.sqrt(va + vb), (va + vb) ** 2 / (va**2 / (a.size - 1) + vb**2 / (b.size - 1))


def welch(treatment: Sequence[float], baseline: Sequence[float], level: float = 0.95) -> Comparison:
    """Welch's t over runs of different seeds. Raises ValueError where a side is empty."""
    a, b = np.asarray(treatment, dtype=np.float64), np.asarray(baseline, dtype=np.float64)
    if not a.size or not b.size:
        raise ValueError("a side has no values")
    difference = float(a.mean() - b.mean())
    found = _welch_error(a, b) if min(a.size, b.size) > 1 else None
    if found is None:
        return Comparison(difference, None, None, None, None, int(a.size), "welch")
    return _from_error(difference, *found, int(a.size), "welch", level)


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Holm-adjusted p-values in the given order; None (no test possible) stays None and is not counted."""
    tested = sorted((p, i) for i, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    running = 0.0
    for rank, (p, i) in enumerate(tested):
        running = max(running, min(1.0, (len(tested) - rank) * p))
        adjusted[i] = running
    return adjusted


def games_howell_p(a: Sequence[float], b: Sequence[float], groups: int) -> float:
    """Games-Howell p of two of `groups` groups, unequal variances; 1 where neither varies. Each needs two values."""
    from scipy.stats import studentized_range  # a second of import that most callers never need

    return _by_pair(
        np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64), groups, studentized_range
    )


def _by_pair(a: NDArray[np.float64], b: NDArray[np.float64], groups: int, distribution: Any) -> float:
    difference = abs(float(a.mean() - b.mean()))
    found = _welch_error(a, b)
    if found is None:
        return 1.0
    error, df = found
    return float(distribution.sf(difference / error * math.sqrt(2), groups, df))


def games_howell(groups: Sequence[Sequence[float]]) -> NDArray[np.float64]:
    """All pairwise p-values, a symmetric matrix with ones on the diagonal."""
    p = np.eye(len(groups))
    for i in range(len(groups)):
        for j in range(i):
            p[i, j] = p[j, i] = games_howell_p(groups[i], groups[j], len(groups))
    return p


def indistinguishable_from_best(groups: Sequence[Sequence[float]], alpha: float = 0.05) -> list[bool]:
    """For each group: is it the one of highest mean, or not distinguishable from it by Games-Howell?

    The Welch p bounds Games-Howell's from below and, times the number of pairs, from above: most pairs are
    decided without the slow studentized range. A pair without any spread has no p: it can't be told apart.
    Raises ValueError where a group has fewer than two values.
    """
    if len(groups) < 2:
        return [True] * len(groups)
    if min(len(group) for group in groups) < 2:
        raise ValueError("Games-Howell needs two values a group")
    best = max(range(len(groups)), key=lambda i: float(np.mean(groups[i])))
    pairs = len(groups) * (len(groups) - 1) / 2
    verdicts = []
    for i, group in enumerate(groups):
        found = welch(group, groups[best]).p if i != best else None
        p = 1.0 if found is None else found
        ambiguous = p <= alpha < pairs * p
        verdicts.append((games_howell_p(group, groups[best], len(groups)) if ambiguous else p) > alpha)
    return verdicts


def fisher_p(events_a: int, n_a: int, events_b: int, n_b: int) -> float:
    """Fisher's exact two-sided p for two counts: the mass of all tables no likelier than the one seen."""
    total = events_a + events_b
    support = np.arange(max(0, total - n_b), min(n_a, total) + 1)
    mass = np.array(
        [math.comb(n_a, int(k)) * math.comb(n_b, int(total - k)) for k in support], dtype=np.float64
    )
    seen = mass[int(events_a - support[0])]
    return min(1.0, float(mass[mass <= seen * (1 + 1e-9)].sum() / mass.sum()))
