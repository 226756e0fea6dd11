"""A replay's counts: read from its folder, pooled over rollouts, and written small enough to commit.

    replay.json     what was replayed (analysis.logs.replay_summary)
    replay.parquet  a line a run, update and point: counts summed over the run's recorded rollouts

A point is an objective, a segmentation rule and clip bounds. Pooling pooled counts changes nothing, so the folder that
a replay wrote and the compact logs made from it are read by the same function. Equal content gives equal bytes.
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
    """Write the replay in `source` to `folder` as compact logs. Raises UserError where it cannot be read."""
    _, table = _whole(source)
    buffer = io.BytesIO()
    pq.write_table(table.cast(SCHEMA), buffer, compression="zstd", compression_level=9)
    summary = (source / SUMMARY).read_bytes()
    folder.mkdir(parents=True, exist_ok=True)
    write_atomic(folder / POINTS, buffer.getvalue())
    write_atomic(folder / SUMMARY, summary)


def read_counts(folder: Path) -> tuple[ReplaySummary, pd.DataFrame]:
    """What was replayed, and a row a run, update and point with the counts of all recorded rollouts.

    `folder` is one that a replay wrote, or compact logs. Raises UserError where there is no whole replay in it.
    """
    summary, table = _whole(folder)
    return summary, table.to_pandas()


def _whole(folder: Path) -> tuple[ReplaySummary, pa.Table]:
    """Both files, which must be of one replay."""
    if not (folder / SUMMARY).is_file():
        raise UserError(f"{folder} has no {SUMMARY}: give the folder of a finished `python -m sspo.replay`")
    summary, table = read_summary(folder / SUMMARY), _pooled(folder)
    _check_that_they_belong_together(folder, summary, table.select([*POINT, "run"]).to_pandas())
    return summary, table


def _pooled(folder: Path) -> pa.Table:
    """Counts summed over rollouts in a fixed order: neither threads nor the file's order can change a bit."""
    table = _read(folder / POINTS)
    order = [(name, "ascending") for name in table.column_names if name in (*KEYS, "rollout")]
    sums = [(name, "sum") for name in (*COUNTS, *RATIO_SUMS)]
    pooled = table.sort_by(order).group_by(KEYS, use_threads=False).aggregate([*sums, (NOISE, "mean")])
    return pooled.rename_columns(
        [name.removesuffix("_sum").removesuffix("_mean") for name in pooled.column_names]
    )


def _read(path: Path) -> pa.Table:
    """The columns that are used, of the types they should have."""
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
    runs = rows["run"]
    if lost or set(rows["rule"]) - set(summary.rules) or not runs.between(0, len(summary.runs) - 1).all():
        raise UserError(f"{folder} has a {POINTS} and a {SUMMARY} of different replays: {AGAIN}")
