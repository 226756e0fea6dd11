"""The types of training options by dotted key, which decide the kind of their ranges."""

from __future__ import annotations

import dataclasses
import functools
import types
import typing

from sspo.config import TrainConfig


def option_type(key: str) -> type:
    """Return the type of an option; for a nullable option, the type besides None; tuple for a list. Raises KeyError for an unknown
    key."""
    return _types()[key]


@functools.cache
def _types() -> dict[str, type]:
    found: dict[str, type] = {}

    def walk(schema: type, prefix: str) -> None:
        for name, hint in typing.get_type_hints(schema).items():
            inner = _plain(hint)
            if dataclasses.is_dataclass(inner):
                walk(inner, f"{prefix}{name}.")
            else:
                found[prefix + name] = inner

    walk(TrainConfig, "")
    return found


def _plain(hint: typing.Any) -> type:
    if isinstance(hint, types.UnionType):
        hint = next(inner for inner in typing.get_args(hint) if inner is not type(None))
    origin = typing.get_origin(hint)
    return typing.cast(type, origin or hint)
