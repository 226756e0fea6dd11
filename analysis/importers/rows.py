"""The rows of a log in their order, and the choice of their step column.

W&B counts log calls in `_step`, which is the training step only by coincidence: any other step column takes precedence.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from analysis.importers.limits import check_numbers, clean, shown
from analysis.importers.logged import finite, together, whole_step
from sspo.errors import UserError, unknown

CALLS = "_step"
STEPS = (
    "step",
    "global_step",
    "train/global_step",
    "trainer/global_step",
    "training/global_step",
    "Step",
    CALLS,
)
"""The first of these that a log has is its step, unless the import names one."""
NOT_FINITE = ("NaN", "Infinity", "-Infinity")
NAMED = 5
"""Names that a note lists."""


class Rows:
    """Gathers the numbers of one run row by row, and values that are not numbers."""

    def __init__(self, where: Path, step_from: str | None = None, *, in_time: bool = True):
        self.where, self.step_from, self.in_time = where, step_from, in_time
        """Whether rows are in the order of time: those of a log are, those of a table need not be."""
        self._rows: list[tuple[int, dict[str, float]]] = []
        self._texts: dict[str, str] = {}
        self._not_finite: set[str] = set()
        self._count = 0
        self._notes: list[str] = []

    def add(self, line: int, values: Iterable[tuple[str, Any]]) -> None:
        """Add one row. Values that are not finite numbers are left out and recorded."""
        row: dict[str, float] = {}
        for name, value in values:
            if isinstance(value, bool | int | float):
                if finite(value):
                    row[name] = float(value)
                else:
                    self._not_finite.add(name)
            elif isinstance(value, str):
                if value in NOT_FINITE:
                    self._not_finite.add(name)
                elif name not in self._texts:
                    self._texts[name] = shown(value)
        self._count += len(row)
        check_numbers(self.where.name, self._count)
        self._rows.append((line, row))

    def note_text(self, name: str, what: str) -> None:
        """Record the value found instead of numbers under a name."""
        self._texts.setdefault(name, what)

    def by_step(self, steps: tuple[str, ...] = STEPS) -> dict[int, dict[str, float]]:
        """Return rows by step; for equal steps, the later value of a name. Raises UserError if a row has no step."""
        chosen = self._step_name(steps)
        found: dict[int, dict[str, float]] = {}
        without: dict[str, None] = {}
        lost, before = 0, -1
        for line, row in self._rows:
            if chosen is None or (chosen not in row and not self._has_another(row)):
                raise UserError(
                    f"{clean(self.where.name)} line {line} has no step (any of {', '.join(steps)}): "
                    "name its column with --step-from"
                )
            if chosen not in row:
                lost += 1
                without |= dict.fromkeys(name for name in row if not name.startswith("_"))
                continue
            step = whole_step(row.pop(chosen), self.where)
            if step < before and self.in_time:
                self._note_fall(before, step)
            before = max(before, step)
            values = {name: value for name, value in row.items() if not name.startswith("_")}
            if step in found:
                found[step].update(values)
            else:
                found[step] = values
        self._rows = []
        if lost:
            self._notes.append(
                f"{lost} row{'' if lost == 1 else 's'} without {clean(str(chosen))} left out"
                + (f" ({some(without)})" if without else "")
            )
        return found

    def _step_name(self, steps: tuple[str, ...]) -> str | None:
        names = {name: None for _, row in self._rows for name in row}
        if self.step_from is None:
            return next((name for name in steps if name in names), None)
        if self.step_from not in names and self._rows:
            raise unknown(f"step column in {clean(self.where.name)}", self.step_from, map(clean, names))
        return self.step_from

    def _has_another(self, row: Mapping[str, float]) -> bool:
        return self.step_from is not None or any(name in row for name in STEPS)

    def _note_fall(self, before: int, step: int) -> None:
        note = "its steps go back"
        if not any(n.startswith(note) for n in self._notes):
            self._notes.append(f"{note} from {before} to {step}: was it resumed?")

    def unread(self, found: Mapping[int, Mapping[str, float]]) -> dict[str, str]:
        """Return names without any number, and the value found instead."""
        numbers = {name for row in found.values() for name in row} if self._texts else set()
        return {name: what for name, what in self._texts.items() if name not in numbers}

    def note(self, found: Mapping[int, Mapping[str, float]]) -> str:
        """Return a note on left-out values, by name."""
        unread = self.unread(found)
        mixed = [f"{clean(name)} ({what})" for name, what in self._texts.items() if name not in unread]
        return together(
            f"values that are not finite are left out: {some(self._not_finite)}" if self._not_finite else "",
            f"values that are not numbers are left out: {some(mixed)}" if mixed else "",
            *self._notes,
        )


def some(names: Iterable[str]) -> str:
    """List the first few names, for a note."""
    listed = sorted(map(clean, names))
    return ", ".join(listed[:NAMED]) + (", ..." if len(listed) > NAMED else "")
