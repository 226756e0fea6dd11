"""Options of a user's own task or reward: `task.options=["file=questions.jsonl","limit=100"]`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sspo.errors import UserError, unknown


def read_options(key: str, given: Sequence[str], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return every option with its value: the default, or what was given, as the default's type. Raises UserError.

    `key` is the option that holds them, such as "task.options"; defaults are texts, whole numbers, numbers or booleans.
    """
    values = dict(defaults)
    for text in given:
        name, equals, value = (part.strip() for part in text.partition("="))
        if name not in defaults:
            raise unknown(f"option of {key}", name, defaults)
        kind = type(defaults[name])
        try:
            values[name] = {"true": True, "false": False}[value.lower()] if kind is bool else kind(value)
        except (KeyError, ValueError) as error:
            raise UserError(
                f"{key}: {name} must have the type of {defaults[name]!r}, got '{value if equals else text}'"
            ) from error
    return values
