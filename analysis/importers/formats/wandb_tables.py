"""W&B's two exports of a workspace: a chart's curves, and the table of runs with the last value of everything.

A chart has its x axis in the first column, and one `<run> - <metric>` (with its __MIN and __MAX) per run. The table has one row
per run; `State` shows whether it ended.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.importers.formats.frame import Sheet
from analysis.importers.limits import check_runs, clean, shown
from analysis.importers.logged import BROKE_OFF, ENDED, STILL_RUNS, Logged
from analysis.importers.rows import CALLS, STEPS, Rows
from sspo.errors import UserError

NAME, STATE = "Name", "State"
ENDS = {"finished": ENDED, "failed": BROKE_OFF, "crashed": BROKE_OFF, "killed": BROKE_OFF}
"""Run states that are final. In any other state, nothing is known to be final."""
BETWEEN, BOUNDS = " - ", ("__MIN", "__MAX")
GROUPED = ": "
"""Separator of the grouping key and the group, in place of a run's name."""
TIMES = ("Relative Time (Process)", "Relative Time (Wall)", "Wall Time")


def is_summary(table: pd.DataFrame) -> bool:
    """Return whether it is the table of runs."""
    return {NAME, STATE} <= set(table.columns)


def is_chart(table: pd.DataFrame) -> bool:
    """Return whether it is a chart: all columns but the first are curves of runs."""
    first, *others = table.columns if len(table.columns) else [""]
    return BETWEEN not in first and bool(others) and all(BETWEEN in name for name in others)


def read_chart(path: Path, table: pd.DataFrame, step_from: str | None) -> Iterator[Logged]:
    """Yield one run per curve. Raises UserError if the x axis is a time."""
    axis = str(table.columns[0])
    if axis in TIMES or (step_from is not None and step_from != axis):
        wanted = "export the chart over a step" if step_from is None else f"not {shown(step_from)}"
        raise UserError(f"the x axis of {clean(path.name)} is {shown(axis)}: {wanted}")
    columns = [c for c in table.columns[1:] if not c.endswith(BOUNDS)]
    of_run: dict[str, list[tuple[str, str]]] = {}
    for column in columns:
        run, _, metric = column.rpartition(BETWEEN)
        if metric not in (axis, CALLS):
            of_run.setdefault(run, []).append((metric, column))
    _check_no_groups(path, of_run)
    check_runs(path.name, len(of_run))
    sheet = Sheet(table)
    bad, at = sheet.bad(), sheet.column(axis).tolist()
    if axis in bad:
        raise UserError(f"{clean(path.name)} has a step that is not a number: {bad[axis]}")
    for run, curves in of_run.items():
        rows = Rows(path, CALLS, in_time=False)
        for metric, column in curves:
            if column in bad:
                rows.note_text(metric, bad[column])
            for line, (x, y) in enumerate(zip(at, sheet.column(column).tolist(), strict=True), 2):
                if y == y:
                    rows.add(line, [(CALLS, x), (metric, y)])
        yield _logged(path, rows, {"run": run}, run)


def _check_no_groups(path: Path, names: Collection[str]) -> None:
    """Raise UserError if the curves belong to groups of runs: `algorithm: grpo`, or `Group: grpo`."""
    keys = {key for name in names for key, between, _ in [name.partition(GROUPED)] if between}
    if len(keys) == 1 and all(GROUPED in name for name in names):
        raise UserError(
            f"the curves of {clean(path.name)} are means over runs grouped by {shown(keys.pop())}, and an import needs each "
            "run: ungroup the runs in W&B and export the chart again"
        )


def read_summaries(path: Path, table: pd.DataFrame, step_from: str | None) -> Iterator[Logged]:
    """Yield one run per row, at the step that it names or else 0."""
    check_runs(path.name, len(table))
    sheet = Sheet(table)
    numbers = sheet.values.tolist()
    for i, row in enumerate(table.to_dict("records")):
        known = {str(k): v for k, v in row.items() if v == v and v is not None}
        rows = Rows(path, step_from)
        for column, what in sheet.bad(np.array([i])).items():
            rows.note_text(column, what)
        values = {n: v for n, v in zip(sheet.names, numbers[i], strict=True) if v == v}
        stepped = step_from is not None or not values.keys().isdisjoint(STEPS)
        rows.add(i + 2, (values if stepped else {**values, CALLS: 0}).items())
        state = str(known.get(STATE, ""))
        end = ENDS.get(state.lower(), STILL_RUNS)
        name = str(known.get(NAME, ""))
        yield _logged(path, rows, {**known, "run": name}, name, end=end, said=state or "nothing")


def _logged(path: Path, rows: Rows, config: dict[str, Any], label: str, **state: Any) -> Logged:
    found = rows.by_step()
    note, unread = rows.note(found), rows.unread(found)
    summary = bool(state)
    return Logged(
        "wandb", (path,), found, config, note=note, label=label, summary=summary, unread=unread, **state
    )
