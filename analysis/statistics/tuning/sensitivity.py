"""How much an option matters around the chosen point: the score along it, the width of its plateau, the mean over the plateau."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.statistics.tuning.space import Option, Point, Value, is_active, point_at, spread_points
from analysis.statistics.tuning.surface import Surface

Floats = NDArray[np.float64]
STEPS = 65
"""Values of a curve along a number."""
MARGIN = 0.02
"""Scores this close to a curve's maximum belong to its plateau."""
BOX_POINTS = 256
HALF = 0.5
"""Share of each range that the box of `over_plateau` spans."""
NORMAL = 1.959963984540054


@dataclass(frozen=True)
class Plateau:
    """The connected part of a curve around the chosen value where the score is within a margin of the curve's maximum."""

    share: float
    """Of the range, in [0, 1]; of the choices, for an option with choices."""
    low: Value
    high: Value
    """Its ends as values; for an option with choices, the chosen value."""


@dataclass(frozen=True)
class Sensitivity:
    """The fitted score along one option, the others at the chosen point. Arrays have shape [values], scores are shares in [0, 1]."""

    key: str
    values: tuple[Value, ...]
    mean: Floats
    low: Floats
    high: Floats
    """Ends of the pointwise 95 % interval."""
    plateau: Plateau


def sensitivity(
    options: Sequence[Option], surface: Surface, chosen: Point, *, margin: float = MARGIN
) -> tuple[Sensitivity, ...]:
    """Return the curve along every option that is active at the chosen point, in the order of the space."""
    return tuple(
        _curve(options, surface, chosen, option, margin) for option in options if option.key in chosen
    )


def over_plateau(options: Sequence[Option], surface: Surface, chosen: Point) -> tuple[float, float]:
    """Return the mean score over the box of half of each number's range around the chosen point, and its standard error.

    The box ends where the space ends; choices stay as chosen.
    """
    return surface.average(box(options, chosen))


def box(options: Sequence[Option], chosen: Point) -> list[Point]:
    """Return evenly spread points of the box of `over_plateau`."""
    free = [option for option in options if option.is_numeric and option.key in chosen]
    unit = tuple(Option(key=option.key, kind="float", low=0.0, high=1.0) for option in free)
    points: list[Point] = []
    for at in spread_points(unit, BOX_POINTS):
        point = dict(chosen)
        for option in free:
            center = option.coordinate(chosen[option.key])
            low, high = max(0.0, center - HALF / 2), min(1.0, center + HALF / 2)
            point[option.key] = option.value_at(low + (high - low) * float(at[option.key] or 0.0))
        points.append(point)
    return points


def _curve(
    options: Sequence[Option], surface: Surface, chosen: Point, option: Option, margin: float
) -> Sensitivity:
    values = _values(option, chosen[option.key])
    mean, sd = surface.at([_changed(options, chosen, option, value) for value in values])
    plateau = _plateau(option, values, mean, values.index(chosen[option.key]), margin)
    low, high = np.clip([mean - NORMAL * sd, mean + NORMAL * sd], 0, 1)
    return Sensitivity(option.key, values, mean, low, high, plateau)


def _values(option: Option, chosen: Value) -> tuple[Value, ...]:
    """Return the values of a curve in order, the chosen one among them."""
    if not option.is_numeric:
        return option.choices
    even = {option.value_at(u) for u in np.linspace(0, 1, STEPS)}
    return tuple(sorted(even | {chosen}, key=option.coordinate))


def _changed(options: Sequence[Option], chosen: Point, option: Option, value: Value) -> Point:
    """Return the chosen point with another value; options that become active with it take the middle of their range."""
    wanted = {**chosen, option.key: value}
    middle = point_at(options, [0.5] * len(options))
    point: dict[str, Value] = {}
    for other in options:
        if is_active(other, point):
            point[other.key] = wanted.get(other.key, middle.get(other.key, other.value_at(0.5)))
    return point


def _plateau(option: Option, values: tuple[Value, ...], mean: Floats, at: int, margin: float) -> Plateau:
    good = mean >= mean.max() - margin
    if not option.is_numeric:
        return Plateau(float(good.mean()), values[at], values[at])
    if not good[at]:
        return Plateau(0.0, values[at], values[at])
    first = last = at
    while first > 0 and good[first - 1]:
        first -= 1
    while last < len(values) - 1 and good[last + 1]:
        last += 1
    low, high = values[first], values[last]
    return Plateau(option.coordinate(high) - option.coordinate(low), low, high)
