"""The replay table: one row per (run, rollout, update, point), with counts to pool and fractions to read.

docs/replay.md describes each column. Pool with counts; a mean of fractions weighs a short rollout like a long one.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sspo.errors import UserError
from sspo.metrics.replayed import COUNTS, FRACTIONS, RATIO_SUMS
from sspo.replay.tally import QUANTILES
from sspo.runs.runlog import write_atomic

FORMAT = 1
TABLE, HEAD = "replay.parquet", "replay.json"

CATEGORY = pa.dictionary(pa.int32(), pa.string())
INDEX = {"run": pa.int16(), "rollout": pa.int32(), "step": pa.int32(), "update": pa.int16()}
POINT = {
    "objective": CATEGORY,
    "rule": CATEGORY,
    "ratio": CATEGORY,
    "adapt": CATEGORY,
    "alpha": pa.float64(),
    "low": pa.float64(),
    "high": pa.float64(),
    "target": pa.float64(),
}
SUMS = (*COUNTS, *RATIO_SUMS)
SCHEMA = pa.schema(
    [*INDEX.items(), *POINT.items()]
    + [(name, pa.float64()) for name in (*SUMS, *FRACTIONS, *QUANTILES, "grad_noise")]
)


def with_fractions(columns: Mapping[str, Any]) -> pa.Table:
    """Return a table of SCHEMA from its other columns; fractions are computed here and nowhere else."""
    columns = dict(columns)
    for name, (part, whole, least) in FRACTIONS.items():
        over, under = (sum(np.asarray(columns[key], np.float64) for key in keys) for keys in (part, whole))
        defined = (under >= least) & (under > 0)
        share = np.divide(over, under, out=np.zeros_like(under), where=defined)
        columns[name] = pa.array(share, mask=~defined)
    arrays = [_array(columns[field.name], field.type) for field in SCHEMA]
    return pa.Table.from_arrays(arrays, schema=SCHEMA)


def _array(values: Any, kind: pa.DataType) -> pa.Array:
    if isinstance(values, pa.Array):
        return values
    if pa.types.is_dictionary(kind):
        return pa.array(values, pa.string()).dictionary_encode().cast(kind)
    nullable = kind == pa.float64()
    array = np.asarray(values)
    return pa.array(array, kind, mask=np.isnan(array) if nullable else None)


def check_folder(folder: Path) -> None:
    """Raise UserError, before any work, if the folder cannot be used."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot write {folder}: {error.strerror}; give another folder with --out") from error


def write_replay(folder: Path, table: pa.Table, head: Mapping[str, Any]) -> None:
    """Write the table, then its head, each completely or not at all. Raises UserError if the folder cannot be written."""
    buffer = io.BytesIO()
    pq.write_table(table.combine_chunks(), buffer, compression="zstd")
    text = json.dumps({"format": FORMAT, **head}, indent=1, sort_keys=True, allow_nan=False) + "\n"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / HEAD).unlink(missing_ok=True)  # a head must never describe a different table
        write_atomic(folder / TABLE, buffer.getvalue())
        write_atomic(folder / HEAD, text)
    except OSError as error:
        raise UserError(f"cannot write {folder}: {error.strerror}; give another folder with --out") from error


def with_fractions_pooled(table: pa.Table) -> list[dict[str, Any]]:
    """Return one record per point, with counts summed over runs, rollouts and updates from the second on, and their
    fractions.

    grad_noise is the mean over runs. Points are in the order of the table.
    """
    late = table.filter(pc.greater(table["update"], 0)) if pc.max(table["update"]).as_py() else table
    aggregates = [*((name, "sum") for name in SUMS), ("grad_noise", "mean")]
    sums = late.group_by(list(POINT), use_threads=False).aggregate(aggregates)
    records = sums.rename_columns([*POINT, *SUMS, "grad_noise"]).to_pylist()
    return [{**record, **fractions(record)} for record in records]


def fractions(counts: Mapping[str, float]) -> dict[str, float | None]:
    """Return the fractions of summed counts."""
    shares: dict[str, float | None] = {}
    for name, (part, whole, least) in FRACTIONS.items():
        over, under = (sum(counts[key] for key in keys) for keys in (part, whole))
        shares[name] = over / under if under > 0 and under >= least else None
    return shares


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """U x K rows: optimizer steps of a rollout by points of a curve."""

    updates: int
    points: int
    columns: Mapping[str, Any]
    """Numbers (U, K) or broadcastable to that, or one text for all rows."""


def table_of(chunks: Sequence[Chunk]) -> pa.Table:
    """Return the replay table of all chunks, in their order."""
    if not chunks:
        return SCHEMA.empty_table()
    sizes = [chunk.updates * chunk.points for chunk in chunks]
    return with_fractions({name: _column(name, chunks, sizes) for name in chunks[0].columns})


def _column(name: str, chunks: Sequence[Chunk], sizes: Sequence[int]) -> Any:
    values = [chunk.columns[name] for chunk in chunks]
    if isinstance(values[0], str):
        words = list(dict.fromkeys(values))
        codes = np.repeat(np.array([words.index(value) for value in values], np.int32), sizes)
        return pa.DictionaryArray.from_arrays(codes, words)
    column = np.empty(sum(sizes), SCHEMA.field(name).type.to_pandas_dtype())
    end = 0
    for chunk, size, value in zip(chunks, sizes, values, strict=True):
        column[end : end + size].reshape(chunk.updates, chunk.points)[:] = value
        end += size
    return column
