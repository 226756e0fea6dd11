"""Seconds by run and rollout among the compact logs: timing.parquet, where any run logged them.

They differ from machine to machine and from run to run, so no score rests on them: a log of them that is damaged costs its run
nothing else, and is noted at its record.
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
"""Phases that a rollout is trained by. Held-out evaluation and checkpoints are as frequent as someone chose."""
KEYS = (*TRAINING, "seconds/evaluation", "seconds/checkpoint", "speed/sampled_tokens")
"""What is kept; sampled tokens are their speed times the seconds of sampling."""
SCHEMA = pa.schema(
    [("run", pa.int16()), ("rollout", pa.int16()), *((key, pa.float32()) for key in KEYS)],
)
COLUMNS = SCHEMA.remove(0)
"""Of one run's timing.jsonl."""


def once_a_rollout(log: pa.Table) -> pa.Table:
    """The log with a row a rollout, ascending: of one that is there again, as a resumed run may have it, the later row."""
    rollouts = log["rollout"].to_numpy()
    _, from_the_end = np.unique(rollouts[::-1], return_index=True)
    last = len(rollouts) - 1 - from_the_end
    return log if np.array_equal(last, np.arange(len(rollouts))) else log.take(pa.array(last))


def write_timing(folder: Path, timing: pa.Table | None) -> None:
    """Write timing.parquet; without a row that says anything, remove one that an earlier report left."""
    path = folder / TIMING
    if timing is None or all(timing[key].null_count == len(timing) for key in KEYS):
        path.unlink(missing_ok=True)
        return
    buffer = io.BytesIO()
    pq.write_table(timing.combine_chunks(), buffer, compression="zstd", compression_level=9)
    write_atomic(path, buffer.getvalue())


def read_timing(folder: Path) -> pd.DataFrame | None:
    """The table of compact logs; None where there is no file. Raises UserError where it cannot be read."""
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
    """Run to the seconds of training by rollout; rollouts of which a phase was not logged have none."""
    if timing is None:
        return {}
    seconds = timing[list(TRAINING)].astype(np.float64).sum(axis=1, skipna=False)
    return {
        int(run): pd.Series(seconds[rows.index].to_numpy(), index=rows["rollout"].to_numpy())
        for run, rows in timing.groupby("run")
    }
