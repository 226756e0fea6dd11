"""What a number of seeds can and cannot show, before any run is spent."""

from __future__ import annotations

import math

import numpy as np
from scipy import special

MOST_SEEDS = 100_000
NORMAL_Z = np.linspace(-9, 9, 2001)
WEIGHT_Z = np.exp(-(NORMAL_Z**2) / 2) / np.exp(-(NORMAL_Z**2) / 2).sum()


def power_of(effect_sd: float, n: int, alpha: float, paired: bool = False) -> float:
    """The chance that a two-sided t test at `alpha` finds an effect with `n` seeds an arm; 0 below two seeds.

    effect_sd is in standard deviations over seeds, of the differences where paired. P(|t| > critical) of a noncentral
    t: over its normal numerator, the chance that the chi-square below is small. scipy's noncentral t gives nan in its
    tails, which bisection would take for an answer.
    """
    if n < 2:
        return 0.0
    df = n - 1 if paired else 2 * n - 2
    shift = abs(effect_sd) * math.sqrt(n if paired else n / 2)
    critical = float(special.stdtrit(df, 1 - alpha / 2))
    return float(WEIGHT_Z @ special.chdtr(df, df * ((NORMAL_Z + shift) / critical) ** 2))


def seeds_needed(effect_sd: float, alpha: float, power: float = 0.8, paired: bool = False) -> int:
    """Seeds an arm for a two-sided t test at `alpha` to find an effect with probability `power`.

    effect_sd is in standard deviations over seeds, of the differences where paired. Raises ValueError for an effect
    of 0 or one that would take more than 100,000 seeds.
    """
    if effect_sd == 0:
        raise ValueError("an effect of 0 sd is never found")
    low, high = 1, 2
    while power_of(effect_sd, high, alpha, paired) < power:
        low, high = high, high * 2
        if high > MOST_SEEDS:
            raise ValueError(f"an effect of {effect_sd} sd takes more than {MOST_SEEDS} seeds")
    while high - low > 1:
        middle = (low + high) // 2
        if power_of(effect_sd, middle, alpha, paired) < power:
            low = middle
        else:
            high = middle
    return high


def detectable_effect(n: int, alpha: float, power: float = 0.8, paired: bool = False) -> float:
    """The smallest effect, in sd over seeds, that `n` seeds an arm find with probability `power`; inf for n < 2."""
    if n < 2:
        return math.inf
    low, high = 0.0, 1.0
    while power_of(high, n, alpha, paired) < power:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if power_of(middle, n, alpha, paired) < power else (low, middle)
    return high
