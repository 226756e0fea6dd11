"""Parameters of a space and their domains, and the parameters that are active at a point. Every default is defined here, once."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Value = str | int | float | bool | None
Point = Mapping[str, Value]
"""Parameter to value."""


@dataclass(frozen=True, kw_only=True)
class FloatRange:
    """Real numbers from low to high, both included."""

    low: float
    high: float
    log: bool = False
    """Whether equal ratios, rather than equal differences, are equally likely."""
    step: float | None = None


@dataclass(frozen=True, kw_only=True)
class IntRange:
    """Whole numbers from low to high, both included."""

    low: int
    high: int
    log: bool = False
    step: int | None = None


@dataclass(frozen=True, kw_only=True)
class Choices:
    """One of several values, or names of a group."""

    choices: tuple[Value, ...]


@dataclass(frozen=True, kw_only=True)
class Condition:
    """A parameter with choices, and the values under which another parameter is active."""

    key: str
    values: tuple[Value, ...]


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One dimension of the space."""

    key: str
    """An option or a group of the training configuration; with `scales`, a name of the spec's own."""
    domain: FloatRange | IntRange | Choices
    also: tuple[str, ...] = ()
    """Options that take the same value."""
    when: tuple[Condition, ...] = ()
    """All must hold; otherwise the parameter is not suggested and keeps the search's override or its default."""
    scales: tuple[str, ...] = ()
    """Options whose own values, without the parameter, it multiplies; it then sets no option itself."""
    arms: tuple[str, ...] | None = None
    """Arms of a study that it is tuned for; None for all."""


def active(parameter: Parameter, point: Point) -> bool:
    """Return whether the parameter is active at a point whose earlier parameters are known."""
    return all(
        condition.key in point and point[condition.key] in condition.values for condition in parameter.when
    )


def admits(domain: FloatRange | IntRange | Choices, value: Value) -> bool:
    """Return whether a value is in the domain, and on its grid if it has one."""
    if isinstance(domain, Choices):
        return any(type(value) is type(choice) and value == choice for choice in domain.choices)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    if isinstance(domain, IntRange) and value != int(value):
        return False
    if domain.step is not None:
        steps = (value - domain.low) / domain.step
        if not math.isclose(steps, round(steps), abs_tol=1e-8):
            return False
    return domain.low <= value <= domain.high


def walk(space: Sequence[Parameter], pick: Callable[[Parameter], Value]) -> dict[str, Value]:
    """Build a point: `pick` is called for each active parameter, in the order of the spec."""
    point: dict[str, Value] = {}
    for parameter in space:
        if active(parameter, point):
            point[parameter.key] = pick(parameter)
    return point
