"""Differences between arms, and the correction for several comparisons."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from analysis.statistics.intervals import no_spread, t_quantile

Floats = NDArray[np.float64]
Found = tuple[Floats, Floats, Floats]
"""Difference, its standard error and degrees of freedom."""


@dataclass(frozen=True)
class Comparison:
    """Treatment minus baseline. Interval and p are None if nothing estimates the spread: fewer than two runs (or pairs), or equal ones."""

    difference: float
    low: float | None
    high: float | None
    p: float | None
    df: float | None
    n: int
    """Pairs of a paired test; runs of the treatment otherwise."""
    test: str
    error: float | None = None
    """Standard error of the difference."""


def paired_error(treatment: Floats, baseline: Floats) -> Found:
    """Return the mean difference, its standard error and df over the last axis, whose runs are pairs; (..., R) to (...)."""
    d = treatment - baseline
    n = d.shape[-1]
    return d.mean(axis=-1), d.std(axis=-1, ddof=1) / math.sqrt(n), np.full(d.shape[:-1], n - 1.0)


def welch_error(treatment: Floats, baseline: Floats) -> Found:
    """Return the difference of means, its standard error and Welch's df over the last axis; (..., R) to (...)."""
    n, m = treatment.shape[-1], baseline.shape[-1]
    va, vb = treatment.var(axis=-1, ddof=1) / n, baseline.var(axis=-1, ddof=1) / m
    with np.errstate(invalid="ignore"):  # 0 / 0 if neither side varies, which callers check for
        df = np.asarray((va + vb) ** 2 / (va**2 / (n - 1) + vb**2 / (m - 1)))
    return treatment.mean(axis=-1) - baseline.mean(axis=-1), np.sqrt(va + vb), df


def two_sided_p(difference: Floats, error: Floats, df: Floats) -> Floats:
    """Return P(|t| >= |difference / error|) of Student's t, elementwise."""
    return np.asarray(2 * special.stdtr(df, -np.abs(difference / error)))


def _compared(found: Found, n: int, test: str, level: float) -> Comparison:
    difference, error, df = (float(x) for x in found)
    half = t_quantile(df, level) * error
    p = float(two_sided_p(*found))
    return Comparison(difference, difference - half, difference + half, p, df, n, test, error)


def paired_t(treatment: Sequence[float], baseline: Sequence[float], level: float = 0.95) -> Comparison:
    """Compare by a paired t over runs of equal seeds, in the same order. Raises ValueError if lengths differ or are 0."""
    if len(treatment) != len(baseline) or not len(treatment):
        raise ValueError(f"{len(treatment)} and {len(baseline)} values do not form pairs")
    a, b = np.asarray(treatment, dtype=np.float64), np.asarray(baseline, dtype=np.float64)
    found = paired_error(a, b) if a.size > 1 else None
    if found is None or no_spread(float(found[1]), a, b):
        return Comparison(float((a - b).mean()), None, None, None, None, int(a.size), "paired")
    return _compared(found, int(a.size), "paired", level)


def _welch_error(a: Floats, b: Floats) -> Found | None:
    """Return welch_error, or None if a side has one value or neither varies."""
    if min(a.size, b.size) < 2:
        return None
    found = welch_error(a, b)
    return None if no_spread(float(found[1]), a, b) else found


def welch(treatment: Sequence[float], baseline: Sequence[float], level: float = 0.95) -> Comparison:
    """Compare by Welch's t over runs of different seeds. Raises ValueError if a side is empty."""
    a, b = np.asarray(treatment, dtype=np.float64), np.asarray(baseline, dtype=np.float64)
    if not a.size or not b.size:
        raise ValueError("a side has no values")
    found = _welch_error(a, b)
    if found is None:
        return Comparison(float(a.mean() - b.mean()), None, None, None, None, int(a.size), "welch")
    return _compared(found, int(a.size), "welch", level)


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Return Holm-adjusted p-values in the given order; None (no test possible) stays None and is not counted."""
    tested = sorted((p, i) for i, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    running = 0.0
    for rank, (p, i) in enumerate(tested):
        running = max(running, min(1.0, (len(tested) - rank) * p))
        adjusted[i] = running
    return adjusted


def fisher_p(events_a: int, n_a: int, events_b: int, n_b: int) -> float:
    """Return Fisher's exact two-sided p for two counts: the mass of all tables no likelier than the one observed."""
    total = events_a + events_b
    support = np.arange(max(0, total - n_b), min(n_a, total) + 1)
    mass = np.array(
        [math.comb(n_a, int(k)) * math.comb(n_b, int(total - k)) for k in support], dtype=np.float64
    )
    seen = mass[int(events_a - support[0])]
    return min(1.0, float(mass[mass <= seen * (1 + 1e-9)].sum() / mass.sum()))
