"""CSV and Parquet: one run or several, wide (a column a metric) or long (columns `key` and `value`), and W&B's exports.

W&B's chart export has a column `<run> - <metric>` (and its __MIN and __MAX) a run; its table export a row a run.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from analysis.importers.json_logs import STEPS
from analysis.importers.logged import BROKE_OFF, ENDED, UNKNOWN_END, Logged, Rows
from sspo.errors import UserError

RUN_COLUMNS = ("run", "run_id", "run_name", "arm", "seed")
WANDB_STEP, WANDB_NAME, WANDB_STATE = "Step", "Name", "State"
BOUNDS = ("__MIN", "__MAX")


def read_table(path: Path) -> list[Logged]:
    """The runs of a CSV or Parquet file. Raises UserError where it is none, or has no step."""
    table = _frame(path)
    step = next((name for name in STEPS if name in table.columns), None)
    if {WANDB_NAME, WANDB_STATE} <= set(table.columns):
        return list(_summaries(path, table))
    if step is None and WANDB_STEP in table.columns:
        return list(_chart(path, table))
    if step is None:
        raise UserError(f"{path.name} has no column of steps: want one of {', '.join(STEPS)}")
    if {"key", "value"} <= set(table.columns):
        return [_long(path, part, step, who) for who, part in _by_run(table)]
    return [_wide(path, part, step, who) for who, part in _by_run(table)]


def _frame(path: Path) -> pd.DataFrame:
    try:
        if path.read_bytes()[:4] == b"PAR1":
            table = pd.read_parquet(path)
        else:
            table = pd.read_csv(path, encoding="utf-8-sig")
    except (ValueError, pa.ArrowException, pd.errors.ParserError, OverflowError) as error:
        words = " ".join(str(error).split())[:120]
        raise UserError(f"{path.name} can be read neither as CSV nor as Parquet ({words})") from error
    table.columns = [str(name) for name in table.columns]
    return table


def _by_run(table: pd.DataFrame) -> Iterator[tuple[dict[str, Any], pd.DataFrame]]:
    """Each run's rows, by whichever columns name runs; all rows where none does."""
    names = [name for name in RUN_COLUMNS if name in table.columns]
    if not names:
        yield {}, table
        return
    for key, part in table.groupby(names, sort=False, dropna=False):
        yield dict(zip(names, key, strict=True)), part.drop(columns=names)


def _who(who: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """What is known of a run as plain values, and its label."""
    known = {k: v.item() if hasattr(v, "item") else v for k, v in who.items()}
    return known, " ".join(str(v) for v in known.values())


def _wide(path: Path, table: pd.DataFrame, step: str, who: dict[str, Any]) -> Logged:
    rows, (config, label) = Rows(path), _who(who)
    numeric = table.select_dtypes(["number", "bool"]).drop(columns=[step], errors="ignore")
    names = [name for name in numeric.columns if not name.startswith("_")]
    for at, values in zip(
        table[step].tolist(), numeric[names].to_numpy(float, na_value=float("nan")), strict=True
    ):
        rows.add(at, [(n, v) for n, v in zip(names, values.tolist(), strict=True) if v == v])
    return Logged("csv", (path,), rows.by_step, config, note=rows.note, label=label)


def _long(path: Path, table: pd.DataFrame, step: str, who: dict[str, Any]) -> Logged:
    rows, (config, label) = Rows(path), _who(who)
    values = pd.to_numeric(table["value"], errors="coerce")
    for at, key, value in zip(table[step].tolist(), table["key"].tolist(), values.tolist(), strict=True):
        rows.add(at, [(str(key), value)])
    return Logged("csv", (path,), rows.by_step, config, note=rows.note, label=label)


def _chart(path: Path, table: pd.DataFrame) -> Iterator[Logged]:
    columns = [c for c in table.columns if " - " in c and not c.endswith(BOUNDS)]
    for run in dict.fromkeys(c.rpartition(" - ")[0] for c in columns):
        rows = Rows(path)
        for column in columns:
            name, _, metric = column.rpartition(" - ")
            if name == run and metric != "_step":
                values = pd.to_numeric(table[column], errors="coerce")
                for at, value in zip(table[WANDB_STEP].tolist(), values.tolist(), strict=True):
                    if value == value:
                        rows.add(at, [(metric, value)])
        yield Logged("wandb", (path,), rows.by_step, {"run": run}, note=rows.note, label=run)


def _summaries(path: Path, table: pd.DataFrame) -> Iterator[Logged]:
    """W&B's table of runs: summaries alone, so one row a run, at the step it names or else 0."""
    ends = {"finished": ENDED, "failed": BROKE_OFF, "crashed": BROKE_OFF, "killed": BROKE_OFF}
    for row in table.to_dict("records"):
        rows, known = Rows(path), {str(k): v for k, v in row.items() if v == v}
        numbers = {k: v for k, v in known.items() if isinstance(v, int | float) and not k.startswith("_")}
        rows.add(known.get("_step", 0), numbers.items())
        end = ends.get(str(known.get(WANDB_STATE, "")).lower(), UNKNOWN_END)
        yield Logged(
            "wandb",
            (path,),
            rows.by_step,
            {**known, "run": known[WANDB_NAME]},
            end,
            rows.note,
            str(known[WANDB_NAME]),
        )
