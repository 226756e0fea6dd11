"""The unit of scores: percent points of a share, or the unit of an imported metric."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.text.rounding import rounded

SIGNIFICANT = 4
"""Digits of the largest score of a metric in its own unit."""
PLAIN = range(-4, 7)
"""Powers of ten that are written without an exponent."""


@dataclass(frozen=True)
class Unit:
    """The format of a score. Scores are multiplied by `factor`, also on axes and in data files."""

    factor: float
    decimals: int
    mark: str
    """Follows a number or the name of an axis."""
    points: str
    """The unit of a difference, with the blank before it."""
    exponent: bool = False
    name: str = "its own unit"
    """The unit of scores in captions."""

    @property
    def percent(self) -> bool:
        """Whether scores are shares."""
        return self.factor != 1

    def text(self, value: float, *, sign: bool = False) -> str:
        """Format a score with a true minus."""
        kind = "e" if self.exponent else "f"
        flag = "+" if sign else ""
        return rounded(self.factor * value, f"{flag}.{self.decimals}{kind}").replace("-", "−")

    def signed(self, value: float) -> str:
        """Format a difference of scores with its sign."""
        return self.text(value, sign=True)


PERCENT = Unit(100, 1, " %", " points", name="percent points")


def own_unit(values: NDArray[np.float64], name: str | None = None) -> Unit:
    """Return the unit of a metric that is not a share: decimals by its largest value, and its name if known."""
    largest = float(np.max(np.abs(values), initial=0.0))
    power = math.floor(math.log10(largest)) if largest > 0 else 0
    plain = power in PLAIN
    decimals = max(0, SIGNIFICANT - 1 - power) if plain else SIGNIFICANT - 1
    mark = f" {name}" if name else ""
    return Unit(1, decimals, mark, mark, exponent=not plain, name=name or "its own unit")
