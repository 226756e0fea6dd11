"""Comparisons for studies in which a run collapsed: an arm none of whose few runs did looks far steadier than it is.

Welch's t takes such an arm's spread from its healthy runs alone. Where arms of equal means collapse in unequal shares it then finds
a false difference in up to half of simulated studies (docs/statistics.md). The spread over all arms knows of the collapses.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from analysis.statistics.comparisons import Comparison, two_sided_p, welch
from analysis.statistics.intervals import no_spread, t_quantile

Floats = NDArray[np.float64]
COMMON = "common spread"


def careful_welch(
    groups: Sequence[Sequence[float]], treatment: int, baseline: int, level: float = 0.95
) -> Comparison:
    """Welch's t of two of the groups, or the t with one spread for all groups, whichever has the larger p.

    Its interval and error belong to the one that is taken, so that p and interval agree at every level. Raises ValueError where
    a side is empty.
    """
    own = welch(groups[treatment], groups[baseline], level)
    common = _with_common_spread(groups, treatment, baseline, level)
    if common is None or (own.p is not None and common.p is not None and own.p >= common.p):
        return own
    return common


def _with_common_spread(
    groups: Sequence[Sequence[float]], treatment: int, baseline: int, level: float
) -> Comparison | None:
    """None where nothing estimates the spread."""
    arrays = [np.asarray(group, dtype=np.float64) for group in groups]
    a, b = arrays[treatment], arrays[baseline]
    df = float(sum(x.size - 1 for x in arrays if x.size))
    if min(a.size, b.size) < 2 or df < 1:
        return None
    variance = sum(float(x.var(ddof=1)) * (x.size - 1) for x in arrays if x.size > 1) / df
    error = math.sqrt(variance * (1 / a.size + 1 / b.size))
    if no_spread(error, *(x for x in arrays if x.size)):
        return None
    difference = float(a.mean() - b.mean())
    half = t_quantile(df, level) * error
    p = float(two_sided_p(np.float64(difference), np.float64(error), np.float64(df)))
    return Comparison(difference, difference - half, difference + half, p, df, int(a.size), COMMON, error)
