"""The cost of looks at unfinished data: O'Brien-Fleming spending in the form of Lan and DeMets, two-sided.

One side spends 2 (1 - Phi(z / sqrt t)) of its alpha / 2 up to the information fraction t, where z is the point above which alpha / 4
of a standard normal lies; both together spend twice that, which is alpha at t = 1. The published bounds at alpha = 0.05 and two
equally spaced looks, 2.963 and 1.969, follow from this form.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

ALPHA = 0.05
NODES = 400
"""Gauss-Legendre nodes over the remaining range of the walk: two looks agree to 1e-9 with half as many."""
FARTHEST = 38.0
"""Standard deviations beyond which a tail probability underflows."""
HALVINGS = 60
_tail = np.vectorize(lambda x: math.erfc(x / math.sqrt(2)) / 2, otypes=[float])
"""P(Z > x)."""


def spent(fraction: float, alpha: float = ALPHA) -> float:
    """Return the two-sided error that may be spent up to an information fraction in (0, 1]."""
    point = NormalDist().inv_cdf(1 - alpha / 4)
    return 2 * math.erfc(point / math.sqrt(fraction) / math.sqrt(2))


def nominal_levels(fractions: Sequence[float], alpha: float = ALPHA) -> tuple[float, ...]:
    """Return the two-sided level of the test at every look, such that all of them together err in `alpha` of studies without a difference.

    `fractions` of the information increase, up to at most 1; the statistic's increments between looks are independent.
    """
    levels: list[float] = []
    walk: tuple[NDArray[np.float64], NDArray[np.float64]] = np.zeros(1), np.ones(1)
    before, done = 0.0, 0.0
    for fraction in fractions:
        sd, wanted = math.sqrt(fraction - before), spent(fraction, alpha) - done
        bound = _bound(walk, sd, wanted, FARTHEST * math.sqrt(fraction))
        levels.append(math.erfc(bound / math.sqrt(2 * fraction)))
        walk = _further(walk, sd, bound)
        before, done = fraction, done + wanted
    return tuple(levels)


def nominal_level(looks: Sequence[float], at: int, alpha: float = ALPHA) -> float:
    """Return the level of the test at look `at`, counted from 0."""
    return nominal_levels(looks[: at + 1], alpha)[at]


def _bound(
    walk: tuple[NDArray[np.float64], NDArray[np.float64]], sd: float, wanted: float, farthest: float
) -> float:
    """Return the bound that a walk which has not crossed yet exceeds now with the wanted probability."""
    low, high = 0.0, farthest
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if _crossing(walk, sd, middle) > wanted else (low, middle)
    return high


def _crossing(walk: tuple[NDArray[np.float64], NDArray[np.float64]], sd: float, bound: float) -> float:
    sums, weights = walk
    return float(weights @ (_tail((bound - sums) / sd) + _tail((bound + sums) / sd)))


def _further(
    walk: tuple[NDArray[np.float64], NDArray[np.float64]], sd: float, bound: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the sums of walks that stay within the bound, with their share of the probability."""
    sums, weights = walk
    nodes, shares = np.polynomial.legendre.leggauss(NODES)
    nodes, shares = nodes * bound, shares * bound
    steps = np.exp(-(((nodes[:, None] - sums[None, :]) / sd) ** 2) / 2) / (sd * math.sqrt(2 * math.pi))
    return nodes, shares * (steps @ weights)
