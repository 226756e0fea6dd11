"""Reads a space from the plain values of a spec; refuses invalid entries in one sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sspo.compose.hydra_compose import GROUPS
from sspo.config.build import KINDS, build
from sspo.errors import UserError, shown
from sweeps.study.space.checks import check_key, check_scales
from sweeps.study.space.domain import Choices, Condition, FloatRange, IntRange, Parameter, Value
from sweeps.study.space.options import option_type

SCALARS = (str, int, float, bool, type(None))
RANGES: dict[type, type[FloatRange] | type[IntRange]] = {float: FloatRange, int: IntRange}


def parameter_from(key: str, content: object, *, arms: bool = False) -> Parameter:
    """Read a parameter. `arms` allows it to name the arms that it is tuned for. Raises UserError for the first invalid entry."""
    where = f"space.{key}"
    values = dict(mapping(where, content))
    scales = _names(f"{where}.scales", values.pop("scales", None))
    if scales is None:
        check_key(f"parameter '{key}'", key)
    else:
        check_scales(key, scales, values)
    of_arms = _names(f"{where}.arms", values.pop("arms", None))
    if of_arms is not None and not arms:
        raise UserError(f"{where}.arms: a search has no arms; leave it out")
    also = listed(f"{where}.also", values.pop("also", []))
    when = [
        Condition(key=other, values=scalars(f"{where}.when.{other}", wanted))
        for other, wanted in mapping(f"{where}.when", values.pop("when", None) or {}, empty=True).items()
    ]
    for other in also:
        check_key(f"{where}.also", str(other))
    return Parameter(
        key=key,
        domain=_range(FloatRange, where, values) if scales else _domain(key, where, values),
        also=tuple(map(str, also)),
        when=tuple(when),
        scales=scales or (),
        arms=of_arms,
    )


def _names(key: str, value: object) -> tuple[str, ...] | None:
    """Return a list of names; None if it is not given."""
    return None if value is None else tuple(map(str, listed(key, value)))


def _domain(key: str, where: str, values: dict[str, Any]) -> FloatRange | IntRange | Choices:
    """Return the domain of a parameter. A range has the type of its option, so that a spec need not state it."""
    if "choices" in values:
        if len(values) > 1:
            extra = next(name for name in values if name != "choices")
            raise UserError(f"{where} has choices and {extra}: give either choices, or low and high")
        return Choices(choices=scalars(f"{where}.choices", values["choices"]))
    kind = None if key in GROUPS else option_type(key)
    if kind not in RANGES:
        what = "a group" if key in GROUPS else f"set to {KINDS.get(kind or type(None), 'a list')}"
        raise UserError(f"{where} is {what}, which has no range: give choices: [...]")
    return _range(RANGES[kind], where, values, ", or choices: [...]")


def _range(
    schema: type[FloatRange] | type[IntRange], where: str, values: Mapping[str, Any], otherwise: str = ""
) -> FloatRange | IntRange:
    for name in ("low", "high"):
        if name not in values and set(values) <= {*schema.__dataclass_fields__}:
            raise UserError(f"{where} lacks {name}: give low and high{otherwise}")
    return build(schema, values, f"{where}.")


def mapping(key: str, value: object, *, empty: bool = False) -> Mapping[str, Any]:
    """Return the value if it maps names to values. Raises UserError otherwise, and for an empty one unless `empty`."""
    if not isinstance(value, Mapping | None):
        raise UserError(f"{key} must map names to values, got {shown(value)}")
    if value is None or not (value or empty):
        raise UserError(f"{key} must name at least one entry, got {shown(value)}")
    for name in value:
        if not isinstance(name, str):
            raise UserError(f"{key}: {shown(name)} is not a name; put it in quotes")
    return value


def listed(key: str, value: object) -> Sequence[Any]:
    """Return the value if it is a list. Raises UserError otherwise."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise UserError(f"{key} must be a list, got {shown(value)}")
    return value


def scalars(key: str, value: object) -> tuple[Value, ...]:
    """Return the entries of a list of single values. Raises UserError otherwise."""
    for item in listed(key, value):
        if not isinstance(item, SCALARS):
            raise UserError(f"{key} contains {shown(item)}, which is not a single value")
    return tuple(float(item) if isinstance(item, float) else item for item in listed(key, value))
