"""What every importer gives: one run as it was logged."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sspo.errors import UserError

ENDED, BROKE_OFF, UNKNOWN_END = "ended", "broke off", "unknown"
"""What a log says of its run's end: that it came, that it failed, nothing."""
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


class Rows:
    """Gathers numbers by step and counts what is no number."""

    def __init__(self, where: Path):
        self.where = where
        self.by_step: dict[int, dict[str, float]] = {}
        self.left_out: set[str] = set()

    def add(self, step: Any, values: Iterable[tuple[str, Any]]) -> None:
        """Add one row. What is no finite number is left out and noted. Raises UserError where the step is none."""
        row = self.by_step.setdefault(whole_step(step, self.where), {})
        for name, value in values:
            if isinstance(value, bool | int | float) and _finite(value):
                row[name] = float(value)
            elif isinstance(value, float) or value in ("NaN", "Infinity", "-Infinity"):
                self.left_out.add(name)

    @property
    def note(self) -> str:
        """Names of which a value was not finite."""
        names = sorted(self.left_out)
        return f"values that are not finite are left out: {', '.join(names[:5])}" if names else ""


def _finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond every float
        return False


def whole_step(step: Any, where: Path) -> int:
    """A step as a whole number from 0 on. Raises UserError where it is none."""
    number = step if isinstance(step, int | float) and not isinstance(step, bool) else None
    if number is None or not _finite(number) or number != int(number) or not 0 <= number <= LARGEST_STEP:
        raise UserError(
            f"{where.name} has a step {step!r}: steps must be whole numbers from 0 to {LARGEST_STEP}"
        )
    return int(number)


def together(*notes: str) -> str:
    """Notes that say something, as one."""
    return "; ".join(note for note in notes if note)


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested groups as dotted names; a group `{"value": x}`, as W&B writes configurations, is x."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping) and set(value) in ({"value"}, {"value", "desc"}):
            value = value["value"]
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = value
    return found


def json_value(text: str) -> Any:
    """A JSON value, or None where the text is none (NaN and Infinity are named as text)."""
    try:
        return json.loads(text, parse_constant=str)
    except (ValueError, RecursionError):
        return None
