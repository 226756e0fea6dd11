"""One word for the interval of an effect, and the chance of each word.

`effect` counts in the direction of a claim; `margin` is the smallest effect of interest. Every word is a statement about the true
effect that holds whenever the interval covers it, including at the boundaries:

supported         above the margin
equivalent        within the margin on both sides (two one-sided tests)
refuted           below the margin
direction shown   above zero
inconclusive      nothing
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import special

from analysis.statistics.intervals import t_quantile
from analysis.statistics.power import MOST_SEEDS

Floats = NDArray[np.float64]

SUPPORTED, EQUIVALENT, REFUTED = "supported", "equivalent", "refuted"
DIRECTION, INCONCLUSIVE = "direction shown", "inconclusive"
WORDS = (SUPPORTED, DIRECTION, EQUIVALENT, REFUTED, INCONCLUSIVE)
SCALES = np.linspace(0.0005, 0.9995, 1000)
"""Levels at which the distribution of an estimated spread is evaluated."""


def word_of(low: float, high: float, margin: float) -> str:
    """Return the strongest word that holds for an interval. Raises ValueError unless low <= high and margin > 0."""
    if not (low <= high and margin > 0):
        raise ValueError(f"not a valid interval and margin: {low}, {high}, {margin}")
    if low > margin:
        return SUPPORTED
    if high < margin:
        return EQUIVALENT if low > -margin else REFUTED
    return DIRECTION if low > 0 else INCONCLUSIVE


def word_power(effect: float, margin: float, error: float, df: float, alpha: float) -> Mapping[str, float]:
    """Return the chance of each word, given the true effect, its standard error and the degrees of freedom.

    The chance is over the estimate, normal around `effect`, and over its estimated error: the true one times the root of a
    chi-square over its df. The interval is two-sided at 1 - alpha.
    """
    half_S = t_quantile(df, 1 - alpha) * error * np.sqrt(special.chdtri(df, SCALES) / df)
    above_S = _above(margin + half_S, effect, error)
    below_S = 1 - _above(margin - half_S, effect, error)
    equivalent_S = np.maximum(0.0, below_S - 1 + _above(half_S - margin, effect, error))
    direction_S = _above(np.maximum(half_S, margin - half_S), effect, error) - above_S
    chances = {
        SUPPORTED: above_S,
        DIRECTION: direction_S,
        EQUIVALENT: equivalent_S,
        REFUTED: below_S - equivalent_S,
    }
    power = {word: float(chance_S.mean()) for word, chance_S in chances.items()}
    return power | {INCONCLUSIVE: max(0.0, 1 - sum(power.values()))}


def _above(place_S: Floats, effect: float, error: float) -> Floats:
    """Return P(estimate > place)."""
    return np.asarray(special.ndtr((effect - place_S) / error))


def seeds_for(margin: float, spread: float, freedom: float, alpha: float, power: float = 0.8) -> int | None:
    """Return the runs per arm at which the direction of an effect of `margin` is shown with this power; None above 100,000.

    `spread` times 1 / sqrt(n) is the standard error at n runs per arm, and `freedom` times (n - 1) its degrees of freedom.
    """

    def shown(n: int) -> float:
        found = word_power(margin, margin, spread / math.sqrt(n), freedom * (n - 1), alpha)
        return found[DIRECTION] + found[SUPPORTED]

    low, high = 1, 2
    while shown(high) < power:
        low, high = high, high * 2
        if high > MOST_SEEDS:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if shown(middle) < power else (low, middle)
    return high
