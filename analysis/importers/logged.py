"""What every importer gives: one run as it was logged."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from analysis.importers.limits import DEEPEST, clean, shown
from sspo.errors import UserError

ENDED, BROKE_OFF, STILL_RUNS, UNKNOWN_END = "ended", "broke off", "still runs", "unknown"
"""What a log says of its run's end: that it came, that the run failed, that it had not come, nothing."""
LARGEST_STEP = 2**31 - 1


@dataclass(frozen=True)
class Logged:
    """A run: `rows` by step, each the last value logged of a name. Names are the tool's own."""

    source: str
    """wandb, tensorboard, trl, verl, csv, jsonl, or sspo."""
    files: tuple[Path, ...]
    rows: Mapping[int, Mapping[str, float]]
    config: Mapping[str, Any] = field(default_factory=dict)
    end: str = UNKNOWN_END
    note: str = ""
    """What a reader must know: a torn tail, values that were left out."""
    label: str = ""
    """Of a file of several runs, which one."""
    summary: bool = False
    """Whether its one row is what the run had last, at whatever step that was."""
    said: str = ""
    """The word that its log has for its state."""
    unread: Mapping[str, str] = field(default_factory=dict)
    """Names without any number, and what stands there instead."""


def whole_step(step: Any, where: Path) -> int:
    """A step as a whole number from 0 on. Raises UserError where it is none."""
    number = step if isinstance(step, int | float) and not isinstance(step, bool) else None
    if number is None or not finite(number) or number != int(number) or not 0 <= number <= LARGEST_STEP:
        raise UserError(
            f"{clean(where.name)} has a step {shown(step)}: steps must be whole numbers from 0 to {LARGEST_STEP}"
        )
    return int(number)


def finite(value: float) -> bool:
    """Whether a number is one that a float can hold."""
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond every float
        return False


def together(*notes: str) -> str:
    """Notes that say something, as one."""
    return "; ".join(note for note in notes if note)


def flat(values: Mapping[str, Any], prefix: str = "", depth: int = 0) -> dict[str, Any]:
    """Nested groups as dotted names; a group `{"value": x}`, as W&B writes configurations, is x. What nests deeper than
    any configuration is left out."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping) and set(value) in ({"value"}, {"value", "desc"}):
            value = value["value"]
        if not isinstance(value, Mapping):
            found[f"{prefix}{key}"] = value
        elif depth < DEEPEST:
            found |= flat(value, f"{prefix}{key}.", depth + 1)
    return found


def json_value(text: str) -> Any:
    """A JSON value, or None where the text is none (NaN and Infinity are named as text)."""
    try:
        return json.loads(text, parse_constant=str)
    except (ValueError, RecursionError):
        return None
