"""Which realized clip fractions count as the target that a controller holds."""

from __future__ import annotations

POINT, FEWEST_TIMES, MOST_TIMES = 0.01, 0.67, 1.5
"""A target is held if the realized clip fraction is within this distance of it, and between these multiples of it."""


def is_near(realized: float, target: float) -> bool:
    """Return whether a realized clip fraction is between the two multiples of the target."""
    return FEWEST_TIMES * target <= realized <= MOST_TIMES * target


def is_held(realized: float, target: float) -> bool:
    """Return whether a realized clip fraction counts as the target."""
    return abs(realized - target) <= POINT and is_near(realized, target)
