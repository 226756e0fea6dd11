"""A plain mapping -> a frozen dataclass of sspo/config/schema.py; unknown keys and wrong types are refused in one sentence."""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from sspo.errors import UserError, shown, unknown

Config = TypeVar("Config")
KINDS = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}


def build(schema: type[Config], values: Mapping[str, Any], where: str = "") -> Config:
    """Return a frozen `schema` from a plain mapping; a UserError names the offending key."""
    hints = _hints(typing.cast(type, schema))
    names = [f.name for f in dataclasses.fields(schema)]  # type: ignore[arg-type]
    for key in values:
        if key not in names:
            raise unknown("key", f"{where}{key}", [f"{where}{name}" for name in names])
    return schema(**{key: _coerce(hints[key], value, where + key) for key, value in values.items()})


@functools.cache
def _hints(schema: type) -> dict[str, Any]:
    return typing.get_type_hints(schema)


def _coerce(hint: Any, value: Any, key: str) -> Any:
    if dataclasses.is_dataclass(hint):
        if not isinstance(value, Mapping):
            raise UserError(f"{key} is a group of options, got {shown(value)}")
        return build(typing.cast(type, hint), value, key + ".")
    if typing.get_origin(hint) is tuple:
        if not isinstance(value, Sequence) or isinstance(value, str):
            raise UserError(f"{key} must be a list, got {shown(value)}{_as_list(value)}")
        return tuple(_coerce(typing.get_args(hint)[0], item, key) for item in value)
    if typing.get_origin(hint) is Mapping:
        if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
            raise UserError(f"{key} must map names to values, got {shown(value)}")
        inner = typing.get_args(hint)[1]
        return {name: _coerce(inner, item, f"{key}.{name}") for name, item in value.items()}
    if isinstance(hint, types.UnionType):
        inner = next(a for a in typing.get_args(hint) if a is not type(None))
        return None if value is None else _coerce(inner, value, key)
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        return _float(key, value)
    if type(value) is not hint:
        raise UserError(f"{key} must be {KINDS[hint]}, got {shown(value)}{_as_whole(hint, value)}")
    return value


def _float(key: str, value: float) -> float:
    try:
        return float(value)
    except OverflowError as error:
        raise UserError(f"{key} must be a number below 1e308, got {shown(value)}") from error


def _as_list(value: object) -> str:
    """Return the spelling of a single value as a list of one."""
    return f"; write [{value}]" if isinstance(value, str | int | float) else ""


def _as_whole(hint: type, value: object) -> str:
    """Return the spelling of a whole number that was given with a zero fraction."""
    return f"; write {int(value)}" if hint is int and isinstance(value, float) and value.is_integer() else ""
