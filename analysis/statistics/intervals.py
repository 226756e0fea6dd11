"""Intervals for one group of runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special


@dataclass(frozen=True)
class Interval:
    """A point estimate over `n` runs; low and high are None if the runs do not estimate a spread."""

    point: float
    low: float | None
    high: float | None
    n: int

    @property
    def half_width(self) -> float | None:
        """Return half the interval's length, in the unit of the values."""
        return None if self.low is None or self.high is None else (self.high - self.low) / 2


def t_quantile(df: float, level: float) -> float:
    """Return the two-sided Student t quantile q: P(|t| <= q) = level."""
    return float(special.stdtrit(df, 0.5 + level / 2))


def no_spread(error: float, *values: NDArray[np.float64]) -> bool:
    """Return whether a standard deviation or error of the values is 0 up to rounding: then nothing estimates their spread."""
    return error <= 1e-12 * max(float(np.abs(v).max()) for v in values)


def t_interval(values: Sequence[float], level: float = 0.95) -> Interval:
    """Return the mean and t interval of run-level values; one value, or equal ones, have no interval. Raises ValueError without values."""
    x = np.asarray(values, dtype=np.float64)
    if x.size == 0:
        raise ValueError("no values")
    mean = float(x.mean())
    if x.size == 1 or no_spread(float(x.std(ddof=1)), x):
        return Interval(mean, None, None, int(x.size))
    half = t_quantile(x.size - 1, level) * float(x.std(ddof=1)) / float(np.sqrt(x.size))
    return Interval(mean, mean - half, mean + half, int(x.size))


def share_interval(values: Sequence[float], level: float = 0.95) -> Interval:
    """Return the mean of run-level shares with an interval inside [0, 1]: the t interval of the mean on the logit scale.

    The error of the mean is transformed to its logit, so single runs may be 0 or 1. A mean of 0 or 1 has no interval.
    """
    plain = t_interval(values, level)
    if plain.half_width is None or not 0 < plain.point < 1:
        return Interval(plain.point, None, None, plain.n)
    logit = math.log(plain.point / (1 - plain.point))
    half = plain.half_width / (plain.point * (1 - plain.point))
    low, high = (float(special.expit(end)) for end in (logit - half, logit + half))
    return Interval(plain.point, low, high, plain.n)


def half_widths(value_RN: NDArray[np.float64], level: float = 0.95) -> NDArray[np.float64]:
    """Return half the length of each row's t_interval over its n values; nan for a row without one."""
    n = value_RN.shape[1]
    if n < 2:
        return np.full(len(value_RN), np.nan)
    sd = value_RN.std(axis=1, ddof=1)
    spread = sd > 1e-12 * np.abs(value_RN).max(axis=1)
    return np.where(spread, t_quantile(n - 1, level) * sd / math.sqrt(n), np.nan)


def clopper_pearson(events: int, n: int, level: float = 0.95) -> Interval:
    """Return the exact interval of a binomial share. Raises ValueError unless 0 <= events <= n and n > 0."""
    if not 0 <= events <= n or n == 0:
        raise ValueError(f"{events} events of {n}")
    tail = (1 - level) / 2
    low = float(special.betaincinv(events, n - events + 1, tail)) if events else 0.0
    high = float(special.betaincinv(events + 1, n - events, 1 - tail)) if events < n else 1.0
    return Interval(events / n, low, high, n)
