"""From a point of the space to Optuna and to overrides: the calls that suggest a point, and the words that set it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sspo.compose.fast import quick_values
from sspo.config.fitted import fitted
from sspo.errors import UserError
from sweeps.plan.arms import later_wins
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


def overrides(space: Sequence[Parameter], point: Point, base: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the overrides that set a point after those of `base`. Raises UserError for a scale of an option that has no number there."""
    there = [parameter for parameter in space if parameter.key in point]
    words = tuple(
        f"{key}={rendered(point[parameter.key])}"
        for parameter in there
        if not parameter.scales
        for key in (parameter.key, *parameter.also)
    )
    scales = [parameter for parameter in there if parameter.scales]
    if not scales:
        return words
    values = fitted(quick_values(later_wins((*base, *words))))
    return (
        *words,
        *(
            f"{option}={_own(values, parameter, option) * float(point[parameter.key])!r}"  # type: ignore[arg-type]
            for parameter in scales
            for option in parameter.scales
        ),
    )


def _own(values: Mapping[str, Any], parameter: Parameter, option: str) -> float:
    """Return the value of an option that a scale multiplies."""
    found: Any = values
    for part in option.split("."):
        found = found[part]
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise UserError(
            f"space.{parameter.key} multiplies '{option}', which is {rendered(found)} there; set it to a number, or leave it out of scales"
        )
    return float(found)


def rendered(value: Value) -> str:
    """Format a value so that Hydra's override grammar reads it back exactly, a float to its last bit."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return quoted(value) if isinstance(value, str) else repr(value)
