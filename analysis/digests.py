"""Digests of compact logs by run and stream, so that a changed byte can be laid at the door of the numbers it touches."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from analysis.logs import EVAL, METRIC_KEYS, METRICS, RUNS
from analysis.replay_source import POINTS, SUMMARY
from analysis.sample_logs import SAMPLES as SAMPLES_FILE
from analysis.study import read_json
from analysis.trace import RECORD, REPLAY_SUMMARY, SAMPLES, answers, metric, replayed
from sspo.errors import UserError

DIGITS = 16
"""Hexadecimal digits kept: enough to see a change, and a study has thousands of streams."""
UNREADABLE = "unreadable"
Digests = dict[str, dict[int, str]]
"""Stream to run to digest; the run ANY stands for every run of a stream that cannot be told apart."""
ANY = -1
_WHERE = ("run", "step", "rollout", "update")
_ANSWERS = ("run", "rollout", "final", "set", "question", "mode", "temperature", "sample", "value")


def file_digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def stream_digests(logs: Path) -> Digests:
    """The digests of compact logs in a folder. What cannot be read is a digest of its own, never an error."""
    found: Digests = {}
    for name, read in ((RUNS, _records), (METRICS, _metrics), (EVAL, _answer_streams)):
        found |= read(logs / name)
    if (logs / SAMPLES_FILE).is_file():
        found |= _rows(logs / SAMPLES_FILE, lambda table: {SAMPLES: table})
    if (logs / POINTS).is_file():
        found |= _replays(logs)
    return found


def changes(before: Mapping[str, Mapping[int, str]], now: Mapping[str, Mapping[int, str]]) -> Digests:
    """Streams and runs whose digests differ, with the digest of now or an empty one."""
    different: Digests = {}
    for stream in sorted({*before, *now}):
        old, new = before.get(stream, {}), now.get(stream, {})
        if ANY in new:
            runs = {run: new[ANY] for run in old}
        else:
            runs = {run: new.get(run, "") for run in {*old, *new} if old.get(run) != new.get(run)}
        if runs:
            different[stream] = dict(sorted(runs.items()))
    return different


def _records(path: Path) -> Digests:
    try:
        records = read_json(path)
    except (UserError, OSError):
        return {RECORD: {ANY: UNREADABLE}}
    return {
        RECORD: {i: _short(json.dumps(record, sort_keys=True).encode()) for i, record in enumerate(records)}
    }


def _metrics(path: Path) -> Digests:
    """A metric each, so that a damaged column does not hide the others."""
    where = _frame(path, _WHERE)
    if where is None:
        return {metric(key): {ANY: UNREADABLE} for key in METRIC_KEYS}
    found: Digests = {}
    for key in (key for key in METRIC_KEYS if key in pq.read_schema(path).names):
        values = _frame(path, (key,))
        if values is None:
            found[metric(key)] = {ANY: UNREADABLE}
        else:
            found[metric(key)] = _by_run(where.assign(value=values[key].to_numpy()))
    return found


def _answer_streams(path: Path) -> Digests:
    rows = _frame(path, _ANSWERS)
    if rows is None:
        return {}  # changes() then finds every answer's digest gone
    kinds = rows.groupby(["final", "mode", "temperature"], observed=True, sort=True)
    return {
        answers(str(mode), float(temperature), final=bool(final)): _by_run(part)
        for (final, mode, temperature), part in kinds
    }


def _replays(logs: Path) -> Digests:
    """Replayed runs come after the study's own: their numbers are those of the replay, from the number of runs on."""
    try:
        offset = len(read_json(logs / RUNS))
    except (UserError, OSError):
        return {}
    summary = _short((logs / SUMMARY).read_bytes())

    def split(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
        table = table.assign(run=table["run"] + offset)
        rules = table.groupby(["objective", "rule"], observed=True, sort=True)
        return {replayed(str(objective), str(rule)): part for (objective, rule), part in rules}

    found = _rows(logs / POINTS, split)
    replays = {run for stream in found.values() for run in stream}
    return {**found, REPLAY_SUMMARY: dict.fromkeys(sorted(replays), summary)}


def _rows(path: Path, split: Callable[[pd.DataFrame], Mapping[str, pd.DataFrame]]) -> Digests:
    rows = _frame(path, None)
    if rows is None:
        return {}
    return {stream: _by_run(part) for stream, part in split(rows).items()}


def _frame(path: Path, columns: Iterable[str] | None) -> pd.DataFrame | None:
    """Columns of a Parquet file, or None where they cannot be read."""
    try:
        return pq.read_table(path, columns=None if columns is None else list(columns)).to_pandas()
    except (pa.ArrowException, OSError, ValueError, KeyError):
        return None


def _by_run(rows: pd.DataFrame) -> dict[int, str]:
    rows = rows.reset_index(drop=True)
    hashes = _row_hashes(rows)
    found = {}
    for run, places in rows.groupby("run", sort=True).indices.items():
        found[int(run)] = _short(hashes[places].tobytes())
    return found


def _row_hashes(rows: pd.DataFrame) -> NDArray[np.uint64]:
    """A number a row, the same on every machine: pandas hashes values, not memory."""
    plain = {name: column.map(str) if column.dtype == object else column for name, column in rows.items()}
    hashes = pd.util.hash_pandas_object(pd.DataFrame(plain), index=False, categorize=True)
    return np.asarray(hashes, np.uint64)


def _short(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:DIGITS]
