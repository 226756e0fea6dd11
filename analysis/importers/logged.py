"""The result of every importer: one run as it was logged."""

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
"""The end of a run according to its log: it ended, it failed, it is still running, or the log does not record it."""
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
    """A note for the reader: a torn tail, values that were left out."""
    label: str = ""
    """Name of the run in a file of several runs."""
    summary: bool = False
    """Whether its single row holds the run's last values, whatever their step."""
    said: str = ""
    """The state as its log states it."""
    made: Mapping[str, Any] = field(default_factory=dict)
    """What a run folder of ours says of code, versions, base model and seconds, under the keys of a record."""
    unread: Mapping[str, str] = field(default_factory=dict)
    """Names without any number, and the value found instead."""


def whole_step(step: Any, where: Path) -> int:
    """Return a step as an integer from 0 on. Raises UserError if it is not one."""
    number = step if isinstance(step, int | float) and not isinstance(step, bool) else None
    if number is None or not finite(number) or number != int(number) or not 0 <= number <= LARGEST_STEP:
        raise UserError(
            f"{clean(where.name)} has a step {shown(step)}: steps must be whole numbers from 0 to {LARGEST_STEP}"
        )
    return int(number)


def finite(value: float) -> bool:
    """Return whether a number is finite as a float."""
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond every float
        return False


def together(*notes: str) -> str:
    """Join the notes that are not empty."""
    return "; ".join(note for note in notes if note)


def flat(values: Mapping[str, Any], prefix: str = "", depth: int = 0) -> dict[str, Any]:
    """Flatten nested groups to dotted names; a group `{"value": x}`, as W&B writes configurations, becomes x. Groups nested
    deeper than any configuration are left out."""
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
    """Parse a JSON value. Return None if the text is not JSON (NaN and Infinity become text)."""
    try:
        return json.loads(text, parse_constant=str)
    except (ValueError, RecursionError):
        return None
