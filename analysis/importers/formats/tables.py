"""CSV and Parquet: one run or several, wide (one column per metric) or long (columns `key` and `value`)."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.importers.formats.frame import PARQUET, Sheet, read_frame
from analysis.importers.formats.wandb_tables import is_chart, is_summary, read_chart, read_summaries
from analysis.importers.importer import Importer, Named
from analysis.importers.limits import check_runs, clean
from analysis.importers.logged import Logged
from analysis.importers.rows import CALLS, STEPS, Rows
from sspo.errors import UserError, unknown


def matches(path: Path, head: bytes) -> bool:
    """Return whether a file is Parquet, or appears to be text."""
    return head.startswith(PARQUET) or b"\0" not in head


def read(path: Path, named: Named) -> list[Logged]:
    """Read the runs of a CSV or Parquet file. Raises UserError if it is not a table, or has no step."""
    table = read_frame(path)
    if is_summary(table):
        return list(read_summaries(path, table, named.step))
    if is_chart(table):
        return list(read_chart(path, table, named.step))
    step = next((name for name in STEPS if name in table.columns), None)
    if named.step is not None:
        if named.step not in table.columns:
            raise unknown(f"step column in {clean(path.name)}", named.step, map(clean, table.columns))
        step = named.step
    if step is None:
        raise UserError(f"{clean(path.name)} has no column of steps: name it with --step-from, "
                        f"or call it one of {', '.join(STEPS)}")  # fmt: skip
    sheet = Sheet(table)
    if what := sheet.bad().get(step):
        raise UserError(f"{clean(path.name)} has a step that is not a number: {what}")
    part = _long if {"key", "value"} <= set(table.columns) else _wide
    whose = [name for name in dict.fromkeys(named.of_run) if name in table.columns and name != step]
    return [part(path, table, sheet, step, run) for run in _runs(path, table, whose)]


@dataclass(frozen=True)
class _Part:
    """The rows of one run, and the values that identify it."""

    rows: NDArray[np.int64]
    who: dict[str, Any]


def _runs(path: Path, table: pd.DataFrame, names: list[str]) -> list[_Part]:
    """Split rows by run, using the columns that name runs; all rows are one run if there are none."""
    if not names:
        return [_Part(np.arange(len(table)), {})]
    grouped = table[names].groupby(names, sort=False, dropna=False)
    check_runs(path.name, grouped.ngroups)
    number = grouped.ngroup().to_numpy()
    order = np.argsort(number, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(number[order])) + 1)
    firsts = table.loc[[int(rows[0]) for rows in parts], names].to_dict("records")
    return [_Part(rows, {str(k): v for k, v in who.items()}) for rows, who in zip(parts, firsts, strict=True)]


def _who(who: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Return the known values of a run as plain values, and its label."""
    known = {k: v.item() if hasattr(v, "item") else v for k, v in who.items()}
    return known, " ".join(str(v) for v in known.values())


def _wide(path: Path, table: pd.DataFrame, sheet: Sheet, step: str, run: _Part) -> Logged:
    rows = Rows(path, step, in_time=False)
    for name, what in sheet.bad(run.rows).items():
        rows.note_text(name, what)
    names = [name if name not in run.who else "_" + name for name in sheet.names]
    for line, values in zip(run.rows.tolist(), sheet.values[run.rows].tolist(), strict=True):
        rows.add(line + 2, [(n, v) for n, v in zip(names, values, strict=True) if v == v])
    return _logged(path, rows, run.who)


def _long(path: Path, table: pd.DataFrame, sheet: Sheet, step: str, run: _Part) -> Logged:
    rows = Rows(path, CALLS, in_time=False)
    if what := sheet.bad(run.rows).get("value"):
        rows.note_text("value", what)
    steps = sheet.column(step)[run.rows]
    order = run.rows[np.argsort(steps, kind="stable")]
    triples = zip(sheet.column(step)[order].tolist(), table["key"].iloc[order].tolist(),
                  sheet.column("value")[order].tolist(), strict=True)  # fmt: skip
    for at, group in itertools.groupby(enumerate(triples), key=lambda one: one[1][0]):
        members = list(group)
        pairs = [(str(key), value) for _, (_, key, value) in members if value == value]
        rows.add(int(order[members[0][0]]) + 2, [(CALLS, at), *pairs])
    return _logged(path, rows, run.who)


def _logged(path: Path, rows: Rows, who: dict[str, Any]) -> Logged:
    config, label = _who(who)
    found = rows.by_step()
    unread = rows.unread(found)
    return Logged("csv", (path,), found, config, note=rows.note(found), label=label, unread=unread)


IMPORTER = Importer(matches=matches, read=read)
