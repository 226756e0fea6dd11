"""The tables of an import: every logged number, and the primary metrics as scores. All numbers keep their 64 bits."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pandas as pd
import pyarrow as pa

from analysis.importers.formats.run_folder import INDEX
from analysis.importers.limits import check_cells, shown
from analysis.importers.whose import ImportedRun, place
from analysis.logs.compact import EVAL_SCHEMA, METRIC_KEYS, OPTIONAL_METRICS
from analysis.logs.manifest import LOGGED
from sspo.errors import UserError

INDEX_LIMIT = 2**31
LARGEST_32 = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Primary:
    """A metric that scores: its key, and its name in tables."""

    key: str
    label: str


def metric_table(runs: Mapping[int, ImportedRun]) -> pa.Table:
    """Return a table with one row per run and step, one column per key; `rollout` is the step - 1 if the log is not our own."""
    keys = dict.fromkeys(key for key in METRIC_KEYS if key not in OPTIONAL_METRICS)
    keys |= dict.fromkeys(sorted({key for run in runs.values() for key in run.keys.values()} - set(INDEX)))
    places = [(i, step) for i, run in runs.items() for step in sorted(run.logged.rows)]
    check_cells("the table of all these logs", len(places), len(keys))
    columns: dict[str, tuple[list[int], list[float]]] = {key: ([], []) for key in (*keys, *INDEX)}
    at = 0
    for run in runs.values():
        for _, row in sorted(run.logged.rows.items()):
            for name, value in row.items():
                where, values = columns[run.keys[name]]
                where.append(at)
                values.append(value)
            at += 1
    whose, steps = np.array(places, dtype=np.int64).reshape(-1, 2).T
    arrays = {
        "run": pa.array(whose, pa.int16()),
        "step": pa.array(steps, pa.int32()),
        "rollout": _index("rollout", columns, steps - 1),
        "update": _index("update", columns, np.zeros_like(steps)),
    }
    for key in keys:
        full = np.full(len(places), np.nan)
        full[columns[key][0]] = columns[key][1]
        arrays[key] = pa.array(full, from_pandas=True)
    return pa.table(arrays)


def _index(name: str, columns: Mapping[str, tuple[list[int], list[float]]], default: np.ndarray) -> pa.Array:
    """Return a column of our own rows as integers."""
    where, values = columns[name]
    for value in values:
        if value != math.floor(value) or not 0 <= value < INDEX_LIMIT:
            raise UserError(f"a log of ours has a {name} {shown(value)}: it must be a whole number from 0 on")
    full = default.copy()
    full[where] = values
    return pa.array(full, pa.int32())


def score_table(
    runs: Mapping[int, ImportedRun],
    primary: Sequence[Primary],
    finals: Mapping[int, int],
    scale: float | None,
) -> pa.Table:
    """Return primary metrics as evaluations of one answer: each logged value, and the one at a run's final step as the final evaluation."""
    lines = []
    for i, run in runs.items():
        for metric in primary:
            _check_read(run, metric)
            for at, value in run.series(metric.key).items():
                score = _share(value, scale, metric.key) if scale is not None else simplest(value)
                line = (i, at - 1, metric.label, score)
                lines += [(*line, final) for final in ((False, True) if at == finals[i] else (False,))]
    if not any(final for *_, final in lines):
        steps = sorted(set(finals.values()))
        raise UserError(
            f"no run logged {', '.join(m.label for m in primary)} at step {', '.join(map(str, steps[:3]))}: set "
            "--final-step to a step at which it was logged"
        )
    frame = pd.DataFrame(lines, columns=["run", "rollout", "set", "value", "final"])
    frame = frame.assign(question=frame["set"], mode=LOGGED, temperature=0.0, sample=0, status="ok", tokens=0)
    wide = {"rollout": pa.int32(), "value": pa.float64()}
    schema = pa.schema([(f.name, wide.get(f.name, f.type)) for f in EVAL_SCHEMA])
    table = pa.Table.from_pandas(frame[schema.names], schema=schema, preserve_index=False)
    return table.replace_schema_metadata(None)


def _check_read(run: ImportedRun, metric: Primary) -> None:
    """Raise UserError if a run has no number of a metric, but something else in its place."""
    wanted = {metric.label, metric.key, metric.key.split("/", 2)[-1]}
    if not run.names(metric.key):
        for name in wanted & run.logged.unread.keys():
            raise UserError(
                f"{shown(name)} of {place(run.logged)} is not a number: {run.logged.unread[name]}"
            )


def _share(value: float, scale: float, key: str) -> float:
    """Scale a value to a share. Dividing by 100 gives the float nearest to the intended value; multiplying by 0.01 may not."""
    value, parts = simplest(value), round(1 / scale) if scale <= 1 else 0
    share = value / parts if parts and 1 / parts == scale else scale * value
    if not 0 <= share <= 1:
        raise UserError(
            f"primary metric {key} has a value of {value:g}, which times scale {scale:g} is not a share in [0, 1]: pass "
            "--scale 0.01 for percent, no scale for a metric in its own unit, or a different metric"
        )
    return share


def simplest(value: float) -> float:
    """Recover a number that was stored in 32 bits: of all numbers that round to it, the fraction with the smallest terms.

    A 0.8 or 1/3 that a tool stored in 32 bits is off by 1e-8, and equal differences of such scores would differ by
    rounding alone, which no test can distinguish from a tiny and perfectly reproducible effect. Other numbers are kept.
    """
    short = np.float32(value if abs(value) < LARGEST_32 else 0)
    if float(short) != value or value == math.floor(value):
        return value
    below, above = (Fraction(float(np.nextafter(short, np.float32(side)))) for side in (-math.inf, math.inf))
    middle = Fraction(value)
    return float(_between((below + middle) / 2, (middle + above) / 2))


def _between(low: Fraction, high: Fraction) -> Fraction:
    """Return the fraction with the smallest terms in an interval, by repeatedly splitting off the integer part (Stern and Brocot)."""
    whole = math.floor(low)
    if low == whole:
        return Fraction(whole)
    if whole + 1 <= high:
        return Fraction(whole + 1)
    return whole + 1 / _between(1 / (high - whole), 1 / (low - whole))
