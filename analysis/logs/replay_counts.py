"""A replay's counts: read from its folder, pooled over rollouts, and written small enough to commit.

    replay.json     what was replayed (analysis.logs.replay_summary)
    replay.parquet  one row per run, update and point: counts summed over the run's recorded rollouts

A point is an objective, a segmentation rule and clip bounds. Pooling pooled counts changes nothing, so the same function reads
the folder of a replay and the compact logs made from it. Equal content gives equal bytes.
"""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from analysis.logs.replay_source import POINTS, SUMMARY
from analysis.logs.replay_summary import AGAIN, ReplaySummary, read_summary
from sspo.errors import UserError
from sspo.metrics.replayed import COUNTS, RATIO_SUMS
from sspo.runs.runlog import write_atomic

POINT = ("objective", "rule", "ratio", "adapt", "alpha", "low", "high", "target")
NOISE = "grad_noise"

_TEXT, _KEY = pa.string(), pa.float64()
SCHEMA = pa.schema(
    [(name, _TEXT) for name in POINT[:4]]
    + [(name, _KEY) for name in POINT[4:]]
    + [("run", pa.int16()), ("update", pa.int16())]
    + [(name, pa.float32()) for name in COUNTS]
    + [(name, pa.float64()) for name in RATIO_SUMS]
    + [(NOISE, pa.float32())]
)
KEYS = (*POINT, "run", "update")


def compact_replay(source: Path, folder: Path) -> None:
    """Write the replay in `source` to `folder` as compact logs. Raises UserError if it cannot be read."""
    _, table = _whole(source)
    buffer = io.BytesIO()
    pq.write_table(table.cast(SCHEMA), buffer, compression="zstd", compression_level=9)
    summary = (source / SUMMARY).read_bytes()
    folder.mkdir(parents=True, exist_ok=True)
    write_atomic(folder / POINTS, buffer.getvalue())
    write_atomic(folder / SUMMARY, summary)


def read_counts(folder: Path) -> tuple[ReplaySummary, pd.DataFrame]:
    """Return the summary of a replay, and one row per run, update and point with the counts of all recorded rollouts.

    `folder` is the folder of a replay, or of compact logs. Raises UserError if it does not hold a complete replay.
    """
    summary, table = _whole(folder)
    return summary, table.to_pandas()


def _whole(folder: Path) -> tuple[ReplaySummary, pa.Table]:
    """Read both files, which must belong to one replay."""
    if not (folder / SUMMARY).is_file():
        raise UserError(f"{folder} has no {SUMMARY}: pass the folder of a finished `python -m sspo.replay`")
    summary, table = read_summary(folder / SUMMARY), _pooled(folder)
    _check_that_they_belong_together(folder, summary, table.select([*POINT, "run"]).to_pandas())
    return summary, table


def _pooled(folder: Path) -> pa.Table:
    """Sum counts over rollouts in a fixed order: neither threads nor the file's order can change a bit."""
    table = _read(folder / POINTS)
    order = [(name, "ascending") for name in table.column_names if name in (*KEYS, "rollout")]
    sums = [(name, "sum") for name in (*COUNTS, *RATIO_SUMS)]
    pooled = table.sort_by(order).group_by(KEYS, use_threads=False).aggregate([*sums, (NOISE, "mean")])
    return pooled.rename_columns(
        [name.removesuffix("_sum").removesuffix("_mean") for name in pooled.column_names]
    )


def _read(path: Path) -> pa.Table:
    """Read the columns in use, with their expected types."""
    if not path.is_file():
        raise UserError(f"{path.parent} has no {POINTS}: {AGAIN}")
    try:
        present = pq.read_schema(path).names
        missing = [name for name in SCHEMA.names if name not in present]
        if missing:
            raise UserError(f"{path} has no column {', '.join(missing)}: {AGAIN}")
        names = [*SCHEMA.names, *(name for name in ("rollout",) if name in present)]
        types = {name: SCHEMA.field(name).type for name in KEYS} | {"rollout": pa.int32()}
        table = pq.read_table(path, columns=names)
        return table.cast(pa.schema([(name, types.get(name, pa.float64())) for name in names]))
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{path} cannot be read ({' '.join(str(error).split())}): {AGAIN}") from error


def _check_that_they_belong_together(folder: Path, summary: ReplaySummary, rows: pd.DataFrame) -> None:
    points = set(zip(rows["objective"], rows["rule"], rows["target"], strict=True))
    lost = [m for m in summary.matched if (m.objective, m.rule, m.target) not in points]
    laws = () if summary.law is None else summary.law.rules
    rules = set(rows["rule"]) | {law.rule for law in laws}
    runs = set(rows["run"]) | {of_run.run for law in laws for of_run in law.runs}
    if lost or rules - set(summary.rules) or runs - set(range(len(summary.runs))):
        raise UserError(f"{folder} has a {POINTS} and a {SUMMARY} from different replays: {AGAIN}")
