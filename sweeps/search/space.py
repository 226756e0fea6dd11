"""Points of the space: the parameters that are active at a point, the calls to Optuna, and the overrides of a point."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from sweeps.search.spec import Choices, FloatRange, IntRange, Parameter, Point, Value
from sweeps.workers.worker import quoted

if TYPE_CHECKING:
    from optuna.trial import Trial as Asked


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


def suggest(space: Sequence[Parameter], asked: Asked) -> dict[str, Value]:
    """Return the point that Optuna suggests; a trial that was started before gets the same point again."""

    def pick(parameter: Parameter) -> Value:
        domain = parameter.domain
        if isinstance(domain, Choices):
            return asked.suggest_categorical(parameter.key, domain.choices)
        if isinstance(domain, IntRange):
            return asked.suggest_int(
                parameter.key, domain.low, domain.high, step=domain.step or 1, log=domain.log
            )
        return asked.suggest_float(parameter.key, domain.low, domain.high, step=domain.step, log=domain.log)

    return walk(space, pick)


def overrides(space: Sequence[Parameter], point: Point) -> tuple[str, ...]:
    """Return the overrides that set a point."""
    return tuple(
        f"{key}={rendered(point[parameter.key])}"
        for parameter in space
        if parameter.key in point
        for key in (parameter.key, *parameter.also)
    )


def rendered(value: Value) -> str:
    """Format a value so that Hydra's override grammar reads it back exactly, a float to its last bit."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return quoted(value) if isinstance(value, str) else repr(value)
