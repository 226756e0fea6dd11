"""Effects that a number of seeds can and cannot show, before any run is spent."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy import special

MOST_SEEDS = 100_000
NORMAL_Z = np.linspace(-9, 9, 2001)
WEIGHT_Z = np.exp(-(NORMAL_Z**2) / 2) / np.exp(-(NORMAL_Z**2) / 2).sum()


def power_of(effect_sd: float, n: int, alpha: float, paired: bool = False) -> float:
    """Return the chance that a two-sided t test at `alpha` finds an effect with `n` seeds per arm; 0 below two seeds.

    effect_sd is in standard deviations over seeds, of the differences if paired.
    """
    if n < 2:
        return 0.0
    df = n - 1 if paired else 2 * n - 2
    return _chance(abs(effect_sd) * math.sqrt(n if paired else n / 2), df, alpha)


def _chance(shift: float, df: float, alpha: float) -> float:
    """Return P(|t| > critical) of a noncentral t whose numerator has mean `shift`.

    Integrates over the numerator the chance that the chi-square in the denominator is small. scipy's noncentral t returns nan in
    its tails, which bisection would take for an answer.
    """
    critical = float(special.stdtrit(df, 1 - alpha / 2))
    return float(WEIGHT_Z @ special.chdtr(df, df * ((NORMAL_Z + shift) / critical) ** 2))


def seeds_needed(effect_sd: float, alpha: float, power: float = 0.8, paired: bool = False) -> int:
    """Return the seeds per arm at which a two-sided t test at `alpha` finds an effect with probability `power`.

    effect_sd is in standard deviations over seeds, of the differences if paired. Raises ValueError for an effect
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
    """Return the smallest effect, in sd over seeds, that `n` seeds per arm find with probability `power`; inf for n < 2."""
    if n < 2:
        return math.inf
    return _least(lambda effect_sd: power_of(effect_sd, n, alpha, paired), power)


def detectable_difference(error: float, df: float, alpha: float, power: float = 0.8) -> float:
    """Return the smallest difference that a two-sided t test at `alpha` finds with probability `power`, in the unit of its standard error."""
    return error * _least(lambda shift: _chance(shift, df, alpha), power)


def _least(chance: Callable[[float], float], power: float) -> float:
    """Return the argument at which an increasing chance reaches `power`."""
    low, high = 0.0, 1.0
    while chance(high) < power:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if chance(middle) < power else (low, middle)
    return high
