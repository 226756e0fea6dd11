"""What scores are shown in: percent points of a share, or the unit of an imported metric, whatever that is."""

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
    """How a score is written. `factor` is what it is multiplied by, on axes and in data files too."""

    factor: float
    decimals: int
    mark: str
    """What follows a number or the name of an axis."""
    points: str
    """What a difference is counted in, with the blank before it."""
    exponent: bool = False
    name: str = "its own unit"
    """What scores are in, as captions say it."""

    @property
    def percent(self) -> bool:
        """Whether scores are shares."""
        return self.factor != 1

    def text(self, value: float, *, sign: bool = False) -> str:
        """A score with a true minus."""
        kind = "e" if self.exponent else "f"
        flag = "+" if sign else ""
        return rounded(self.factor * value, f"{flag}.{self.decimals}{kind}").replace("-", "−")

    def signed(self, value: float) -> str:
        """A difference of scores, with its sign."""
        return self.text(value, sign=True)


PERCENT = Unit(100, 1, " %", " points", name="percent points")


def own_unit(values: NDArray[np.float64], name: str | None = None) -> Unit:
    """The unit of a metric that is no share: decimals by its largest value, and its name where one is known."""
    largest = float(np.max(np.abs(values), initial=0.0))
    power = math.floor(math.log10(largest)) if largest > 0 else 0
    plain = power in PLAIN
    decimals = max(0, SIGNIFICANT - 1 - power) if plain else SIGNIFICANT - 1
    mark = f" {name}" if name else ""
    return Unit(1, decimals, mark, mark, exponent=not plain, name=name or "its own unit")
