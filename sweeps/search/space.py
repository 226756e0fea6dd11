"""From a point of the space to Optuna and to overrides: the calls that suggest a point, and the words that set it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sweeps.study.space.domain import Choices, IntRange, Parameter, Point, Value, walk
from sweeps.workers.worker import quoted

if TYPE_CHECKING:
    from optuna.trial import Trial as Asked


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
