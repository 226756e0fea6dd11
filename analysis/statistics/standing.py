"""The standing of a group of runs: against a level that is known with an error, in seed standard deviations, and among several groups."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from analysis.statistics.comparisons import Comparison
from analysis.statistics.intervals import Interval, no_spread, t_quantile

POSTERIOR_DRAWS = 20_000
SCALES = 2000
"""Number of quantiles of an estimated deviation."""
Floats = NDArray[np.float64]


def above_level(values: Sequence[float], level: float, error: float, confidence: float = 0.95) -> Comparison:
    """Compare the mean of runs with a level whose standard error is known, by a t with error sqrt(s^2 / n + error^2).

    Degrees of freedom by Satterthwaite, to whose denominator the known error adds nothing: (s^2 / n + error^2)^2 / ((s^2 / n)^2 / (n - 1)).
    Raises ValueError without values; one value, or equal ones, have no interval and no p.
    """
    x = np.asarray(values, dtype=np.float64)
    if not x.size:
        raise ValueError("no values")
    difference = float(x.mean()) - level
    if x.size < 2 or no_spread(float(x.std(ddof=1)), x):
        return Comparison(difference, None, None, None, None, int(x.size), "level")
    of_mean = float(x.var(ddof=1)) / x.size
    whole = math.hypot(math.sqrt(of_mean), error)
    df = whole**4 / (of_mean**2 / (x.size - 1))
    half = t_quantile(df, confidence) * whole
    p = float(2 * special.stdtr(df, -abs(difference / whole)))
    return Comparison(difference, difference - half, difference + half, p, df, int(x.size), "level", whole)


def effect_in_sd(
    treatment: Sequence[float], baseline: Sequence[float], confidence: float = 0.95
) -> Interval | None:
    """Return Hedges' g: the difference of means in pooled standard deviations, corrected for its bias at few runs, with the noncentral t's interval.

    The interval is of the true difference over the true deviation, which both groups are assumed to share. None if a side has fewer
    than two values or nothing varies.
    """
    a, b = np.asarray(treatment, dtype=np.float64), np.asarray(baseline, dtype=np.float64)
    n, m = a.size, b.size
    if min(n, m) < 2:
        return None
    df = n + m - 2
    pooled = math.sqrt(((n - 1) * float(a.var(ddof=1)) + (m - 1) * float(b.var(ddof=1))) / df)
    if no_spread(pooled, a, b):
        return None
    scale = math.sqrt(1 / n + 1 / m)
    t = float(a.mean() - b.mean()) / pooled / scale
    tail = (1 - confidence) / 2
    low, high = (scale * _noncentrality(t, df, p) for p in (1 - tail, tail))
    unbiased = math.exp(special.gammaln(df / 2) - special.gammaln((df - 1) / 2)) / math.sqrt(df / 2)
    return Interval(unbiased * t * scale, low, high, min(n, m))


def _noncentrality(t: float, df: int, p: float) -> float:
    """Return the noncentrality at which a noncentral t is at most `t` with probability `p`, by a mean over quantiles of the deviation's estimate.

    (scipy's own distribution function is nan for some far noncentralities that the search passes.)
    """
    scale_S = np.sqrt(special.chdtri(df, (np.arange(SCALES) + 0.5) / SCALES) / df)
    reach = 10 + 2 * abs(t)
    return float(
        optimize.brentq(lambda at: float(special.ndtr(t * scale_S - at).mean()) - p, t - reach, t + reach)
    )


def best_probabilities(
    groups: Sequence[Sequence[float]], rng: np.random.Generator, draws: int = POSTERIOR_DRAWS
) -> list[float]:
    """Return for each group how often its mean is the highest if every true mean is drawn from mean + s / sqrt(n) * t with n - 1 df.

    This is each mean's posterior under a flat prior, groups independent. Raises ValueError for a group of fewer than two values.
    """
    if min(map(len, groups)) < 2:
        raise ValueError("a group needs two values")
    drawn_GD = np.stack(
        [
            np.mean(g) + np.std(g, ddof=1) / math.sqrt(len(g)) * rng.standard_t(len(g) - 1, size=draws)
            for g in groups
        ]
    )
    best = np.bincount(drawn_GD.argmax(axis=0), minlength=len(groups))
    return [float(share) for share in best / draws]


def area_under(place: Floats, value: Floats, end: float) -> float:
    """Return the mean height of the straight lines through (place, value) from the first place to `end`; the last value continues beyond its place.

    Raises ValueError unless places ascend and `end` lies beyond the first.
    """
    if not (np.diff(place) > 0).all() or not end > place[0]:
        raise ValueError(f"no area up to {end} over {place}")
    inside = place < end
    at = np.append(place[inside], end)
    height = np.interp(at, place, value)
    return float(np.trapezoid(height, at) / (end - place[0]))


def median_reached(reached: Sequence[float | None]) -> float | None:
    """Return the median of the places at which runs reached a target; runs that never did (None) count as later than all others. None if the median is such a run."""
    at = sorted(math.inf if place is None else place for place in reached)
    if not at:
        raise ValueError("no runs")
    middle = (at[(len(at) - 1) // 2] + at[len(at) // 2]) / 2
    return middle if math.isfinite(middle) else None
