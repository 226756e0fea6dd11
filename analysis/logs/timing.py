"""Seconds by run and rollout in the compact logs: timing.parquet, if any run logged them.

They differ between machines and runs, so no score depends on them: a damaged log of them costs its run
nothing else, and is noted in its record.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from sspo.errors import UserError
from sspo.runs.runlog import write_atomic

TIMING = "timing.parquet"
TRAINING = ("seconds/rollout", "seconds/reward", "seconds/old_logp", "seconds/update")
"""Phases of training on a rollout. Held-out evaluation and checkpoints are left out: their frequency is a free choice."""
KEYS = (*TRAINING, "seconds/evaluation", "seconds/checkpoint", "speed/sampled_tokens")
"""Kept columns; the number of sampled tokens is their speed times the seconds of sampling."""
SCHEMA = pa.schema(
    [("run", pa.int16()), ("rollout", pa.int16()), *((key, pa.float32()) for key in KEYS)],
)
COLUMNS = SCHEMA.remove(0)
"""Columns of one run's timing.jsonl."""


def once_a_rollout(log: pa.Table) -> pa.Table:
    """Return the log with one row per rollout, ascending: the later row if a resumed run logged a rollout again."""
    rollouts = log["rollout"].to_numpy()
    _, from_the_end = np.unique(rollouts[::-1], return_index=True)
    last = len(rollouts) - 1 - from_the_end
    return log if np.array_equal(last, np.arange(len(rollouts))) else log.take(pa.array(last))


def write_timing(folder: Path, timing: pa.Table | None) -> None:
    """Write timing.parquet; without any value, remove one that an earlier report left."""
    path = folder / TIMING
    if timing is None or all(timing[key].null_count == len(timing) for key in KEYS):
        path.unlink(missing_ok=True)
        return
    buffer = io.BytesIO()
    pq.write_table(timing.combine_chunks(), buffer, compression="zstd", compression_level=9)
    write_atomic(path, buffer.getvalue())


def read_timing(folder: Path) -> pd.DataFrame | None:
    """Read the table of compact logs. Return None if there is no file. Raises UserError if it cannot be read."""
    path = folder / TIMING
    if not path.is_file():
        return None
    try:
        return pq.read_table(path, schema=SCHEMA).to_pandas()
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        said = " ".join(str(error).split())
        raise UserError(
            f"{path} cannot be read ({said}): restore it, remove it or report from run folders"
        ) from error


def training_seconds(timing: pd.DataFrame | None) -> dict[int, pd.Series]:
    """Return, by run, the seconds of training by rollout; NaN for a rollout with a phase that was not logged."""
    if timing is None:
        return {}
    seconds = timing[list(TRAINING)].astype(np.float64).sum(axis=1, skipna=False)
    return {
        int(run): pd.Series(seconds[rows.index].to_numpy(), index=rows["rollout"].to_numpy())
        for run, rows in timing.groupby("run")
    }
