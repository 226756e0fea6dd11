"""CSV and Parquet: one run or several, wide (a column a metric) or long (columns `key` and `value`)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.importers.frame import numbers_of, read_frame
from analysis.importers.limits import check_runs, clean
from analysis.importers.logged import Logged
from analysis.importers.rows import CALLS, STEPS, Rows
from analysis.importers.wandb_tables import is_chart, is_summary, read_chart, read_summaries
from sspo.errors import UserError, unknown

RUN, RUN_COLUMNS, ARM, SEED = "run", ("run", "run_id", "run_name"), "arm", "seed"


@dataclass(frozen=True)
class Named:
    """What an import says of columns: which is the step, which name arm and seed. None is what they are called here."""

    step: str | None = None
    arm: str | None = None
    seed: str | None = None

    @property
    def of_run(self) -> tuple[str, ...]:
        """Columns that part a table into runs, where it has them."""
        return (*RUN_COLUMNS, self.arm or ARM, self.seed or SEED)


def read_table(path: Path, named: Named) -> list[Logged]:
    """The runs of a CSV or Parquet file. Raises UserError where it is none, or has no step."""
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
        raise UserError(f"{clean(path.name)} has no column of steps: want one of {', '.join(STEPS)}, or name "
                        "it with --step-from")  # fmt: skip
    if what := numbers_of(table[step]).what:
        raise UserError(f"{clean(path.name)} has a step that is no number: {what}")
    read = _long if {"key", "value"} <= set(table.columns) else _wide
    return [read(path, part, step, who) for who, part in _by_run(path, table, named, step)]


def _by_run(
    path: Path, table: pd.DataFrame, named: Named, step: str
) -> Iterator[tuple[dict[str, Any], pd.DataFrame]]:
    """Each run's rows, by whichever columns name runs; all rows where none does."""
    names = [name for name in dict.fromkeys(named.of_run) if name in table.columns and name != step]
    if not names:
        yield {}, table
        return
    grouped = table.groupby(names, sort=False, dropna=False)
    check_runs(path.name, grouped.ngroups)
    for key, part in grouped:
        yield dict(zip(names, key, strict=True)), part.drop(columns=names)


def _who(who: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """What is known of a run as plain values, and its label."""
    known = {k: v.item() if hasattr(v, "item") else v for k, v in who.items()}
    return known, " ".join(str(v) for v in known.values())


def _wide(path: Path, table: pd.DataFrame, step: str, who: dict[str, Any]) -> Logged:
    rows = Rows(path, step, in_time=False)
    names, columns = [], []
    for name in table.columns:
        numbers = numbers_of(table[name])
        if numbers.what:
            rows.note_text(name, numbers.what)
        names.append(name)
        columns.append(numbers.values.tolist())
    for line, values in zip(table.index.tolist(), zip(*columns, strict=True), strict=True):
        rows.add(line + 2, [(n, v) for n, v in zip(names, values, strict=True) if v == v])
    return _logged(path, rows, who)


def _long(path: Path, table: pd.DataFrame, step: str, who: dict[str, Any]) -> Logged:
    rows = Rows(path, CALLS, in_time=False)
    numbers = numbers_of(table["value"])
    if numbers.what:
        rows.note_text("value", numbers.what)
    table = table.assign(value=numbers.values).sort_values(step, kind="stable")
    for at, part in table.groupby(step, sort=False):
        pairs = zip(part["key"].tolist(), part["value"].tolist(), strict=True)
        rows.add(int(part.index[0]) + 2, [(CALLS, at), *((str(k), v) for k, v in pairs if v == v)])
    return _logged(path, rows, who)


def _logged(path: Path, rows: Rows, who: dict[str, Any]) -> Logged:
    config, label = _who(who)
    found = rows.by_step()
    unread = rows.unread(found)
    return Logged("csv", (path,), found, config, note=rows.note(found), label=label, unread=unread)
