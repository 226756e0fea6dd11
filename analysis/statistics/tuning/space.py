"""Options of a tuned arm: coordinates in [0, 1], values at coordinates, and evenly spread points of their space."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

Floats = NDArray[np.float64]
Value = str | int | float | bool | None
Point = Mapping[str, Value]
"""Active option to value. An option that is not active at a point has no key."""
DIGITS = 3
"""Significant digits of a chosen value: more would claim what a few runs cannot show."""
EDGE = 0.1
"""A value is at an edge if it lies within this share of the range from an end: the optimum may lie beyond."""


@dataclass(frozen=True, kw_only=True)
class Condition:
    """An option with choices, and the values under which another one is active."""

    key: str
    values: tuple[Value, ...]


@dataclass(frozen=True, kw_only=True)
class Option:
    """One dimension of the space of a tuned arm."""

    key: str
    kind: str
    """`float`, `int` or `choices`."""
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    step: float | None = None
    choices: tuple[Value, ...] = ()
    when: tuple[Condition, ...] = ()
    """All must hold for the option to be active."""

    @property
    def is_numeric(self) -> bool:
        """Whether values have an order and distances."""
        return self.kind != "choices"

    def coordinate(self, value: Value) -> float:
        """Return where a value lies in the range, 0 at its low end and 1 at its high one: by ratio if `log`, else by difference.

        Choices get equal parts of [0, 1], whose order means nothing. Raises ValueError for a value that is no choice or no number.
        """
        if not self.is_numeric:
            return (self._index(value) + 0.5) / len(self.choices)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"{self.key} is {value!r}, which is no number")
        if self.low == self.high:
            return 0.5
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def value_at(self, coordinate: float) -> Value:
        """Return the value nearest to a coordinate: on the grid of `step`, whole, or rounded to three digits, inside the range."""
        u = min(1.0, max(0.0, float(coordinate)))
        if not self.is_numeric:
            return self.choices[min(int(u * len(self.choices)), len(self.choices) - 1)]
        if self.low == self.high:
            exact = self.low
        elif self.log:
            exact = self.low * (self.high / self.low) ** u
        else:
            exact = self.low + u * (self.high - self.low)
        if self.kind == "int":
            return int(min(self._last, max(self.low, _snapped(exact, self.low, self.step or 1))))
        if self.step is not None:
            return float(min(self._last, max(self.low, _snapped(exact, self.low, self.step))))
        return float(min(self.high, max(self.low, rounded(exact))))

    def admits(self, value: Value) -> bool:
        """Return whether a value is one of the choices, or in the range and on its grid."""
        if not self.is_numeric:
            return any(type(value) is type(choice) and value == choice for choice in self.choices)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        if self.kind == "int" and value != int(value):
            return False
        if self.step is not None:
            steps = (value - self.low) / self.step
            if not math.isclose(steps, round(steps), abs_tol=1e-8):
                return False
        return self.low <= value <= self.high

    def is_at_edge(self, value: Value) -> bool:
        """Return whether a number lies at an end of the range or within `EDGE` of it. Choices, and a range of one value, have no edge."""
        if not self.is_numeric or self.low == self.high or not isinstance(value, int | float):
            return False
        return value <= self.low or value >= self._last or not EDGE < self.coordinate(value) < 1 - EDGE

    @property
    def _last(self) -> float:
        """The highest value on the grid."""
        if self.step is None:
            return self.high
        return _snapped(
            self.low + math.floor((self.high - self.low) / self.step + 1e-8) * self.step, self.low, self.step
        )

    def _index(self, value: Value) -> int:
        for index, choice in enumerate(self.choices):
            if type(value) is type(choice) and value == choice:
                return index
        raise ValueError(f"{self.key} is {value!r}, which is none of its choices")


def rounded(value: float, digits: int = DIGITS) -> float:
    """Round to significant digits."""
    return float(f"{value:.{digits}g}")


def _snapped(value: float, low: float, step: float) -> float:
    return rounded(low + round((value - low) / step) * step, 12)


def space_of(content: Sequence[Mapping[str, Any]]) -> tuple[Option, ...]:
    """Return the options of an arm's `space` in a record of a tuning, in its order. Raises KeyError for an entry without key or kind."""
    return tuple(
        Option(
            key=entry["key"],
            kind=entry["kind"],
            low=entry.get("low") or 0.0,
            high=entry.get("high") or 0.0,
            log=bool(entry.get("log")),
            step=entry.get("step"),
            choices=tuple(entry.get("choices") or ()),
            when=tuple(
                Condition(key=condition["key"], values=tuple(condition["values"]))
                for condition in entry.get("when") or ()
            ),
        )
        for entry in content
    )


def is_active(option: Option, point: Point) -> bool:
    """Return whether an option is active at a point whose earlier options are known."""
    return all(
        condition.key in point and point[condition.key] in condition.values for condition in option.when
    )


def inside(options: Sequence[Option], point: Point) -> bool:
    """Return whether a point gives every active option, and no other, a value that its option admits."""
    wanted = [option for option in options if is_active(option, point)]
    return {option.key for option in wanted} == set(point) and all(
        option.admits(point[option.key]) for option in wanted
    )


def at_edge(options: Sequence[Option], point: Point) -> tuple[str, ...]:
    """Return the keys of the options whose value lies at an edge of its range, in the order of the space."""
    return tuple(
        option.key for option in options if option.key in point and option.is_at_edge(point[option.key])
    )


def coordinates(options: Sequence[Option], points: Sequence[Point]) -> Floats:
    """Return coordinates of points, shape [points, options]; nan where an option is absent."""
    found = [
        [option.coordinate(point[option.key]) if option.key in point else math.nan for option in options]
        for point in points
    ]
    return np.array(found, dtype=np.float64).reshape(len(points), len(options))


def point_at(options: Sequence[Option], coordinate: Sequence[float]) -> dict[str, Value]:
    """Return the point at coordinates, one an option; coordinates of options that are not active are ignored."""
    point: dict[str, Value] = {}
    for option, u in zip(options, coordinate, strict=True):
        if is_active(option, point):
            point[option.key] = option.value_at(u)
    return point


@functools.lru_cache(maxsize=32)
def spread_points(options: tuple[Option, ...], count: int, beyond: float = 0.0) -> tuple[Point, ...]:
    """Return distinct points that fill a space evenly: a Sobol sequence of `count` points, always the same.

    With `beyond`, a share of that size of every numeric range lies exactly on each of its ends. `count` is a power of two.
    """
    if not options:
        return ({},)
    u = qmc.Sobol(len(options), scramble=True, rng=np.random.default_rng(0)).random(count)
    for column, option in enumerate(options):
        if option.is_numeric:
            u[:, column] = np.clip((u[:, column] - 0.5) / (1 - 2 * beyond) + 0.5, 0, 1)
    distinct = {tuple(point.items()): point for point in (point_at(options, row) for row in u)}
    return tuple(distinct.values())
