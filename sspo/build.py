"""A plain mapping -> a frozen dataclass of sspo/config.py; unknown keys and wrong types are refused in one sentence."""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from sspo.errors import UserError, unknown

Config = TypeVar("Config")


def build(schema: type[Config], values: Mapping[str, Any], where: str = "") -> Config:
    """A frozen `schema` from a plain mapping; a UserError names the offending key."""
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
            raise UserError(f"{key} is a group of options, got {value!r}")
        return build(typing.cast(type, hint), value, key + ".")
    if typing.get_origin(hint) is tuple:
        if not isinstance(value, Sequence) or isinstance(value, str):
            raise UserError(f"{key} must be a list, got {value!r}")
        return tuple(_coerce(typing.get_args(hint)[0], item, key) for item in value)
    if typing.get_origin(hint) is Mapping:
        if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
            raise UserError(f"{key} must map names to values, got {value!r}")
        inner = typing.get_args(hint)[1]
        return {name: _coerce(inner, item, f"{key}.{name}") for name, item in value.items()}
    if isinstance(hint, types.UnionType):
        inner = next(a for a in typing.get_args(hint) if a is not type(None))
        return None if value is None else _coerce(inner, value, key)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not hint:
        raise UserError(f"{key} must be of type {hint.__name__}, got {value!r}")
    return value
