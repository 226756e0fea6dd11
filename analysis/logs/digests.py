"""Digests of compact logs by run and stream, so that a changed byte can be traced to the numbers that depend on it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from analysis.logs.compact import (
    EVAL,
    MANIFEST,
    METRIC_KEYS,
    METRICS,
    RUNS,
    SECOND,
    STATED,
    is_graded,
)
from analysis.logs.contamination import checked_runs
from analysis.logs.manifest import read_json
from analysis.logs.replay_source import POINTS, SUMMARY
from analysis.logs.sample_table import SAMPLES as SAMPLES_FILE
from analysis.logs.timing import TIMING as TIMING_FILE
from analysis.logs.trace import (
    CONTAMINATION,
    GRADING,
    RECORD,
    REPLAY_SUMMARY,
    RESPONSES,
    SAMPLES,
    TIMING,
    TRAINING_RESPONSES,
    answers,
    metric,
    replayed,
)
from sspo.errors import UserError
from sspo.runs.contamination import RATES

DIGITS = 16
"""Hexadecimal digits kept: enough to detect a change, and a study has thousands of streams."""
UNREADABLE = "unreadable"
Digests = dict[str, dict[int, str]]
"""Stream to run to digest; the run ANY represents all runs of a stream that cannot be separated."""
ANY = -1
_WHERE = ("run", "step", "rollout", "update")
_ASKED = ("run", "rollout", "final", "set", "question", "mode", "temperature", "sample")
_ANSWERS = (*_ASKED, "value")


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def stream_digests(logs: Path) -> Digests:
    """Return the digests of compact logs in a folder. Unreadable content gets a digest of its own, never an error."""
    found: Digests = {}
    for name, read in ((RUNS, _records), (METRICS, _metrics), (EVAL, _answer_streams)):
        found |= read(logs / name)
    if (logs / SAMPLES_FILE).is_file():
        found |= _rows(logs / SAMPLES_FILE, lambda table: {SAMPLES: table})
    if (logs / TIMING_FILE).is_file():
        found |= _rows(logs / TIMING_FILE, lambda table: {TIMING: table})
    if (logs / POINTS).is_file():
        found |= _replays(logs)
    if (logs / RATES).is_file():
        found |= _checks(logs)
    return found


def changes(before: Mapping[str, Mapping[int, str]], now: Mapping[str, Mapping[int, str]]) -> Digests:
    """Return the streams and runs whose digests differ, with the new digest or an empty one."""
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
    """Return one stream per metric. Columns are read one by one only if one is damaged, so that it does not hide the others."""
    where = _frame(path, _WHERE)
    if where is None:
        return {metric(key): {ANY: UNREADABLE} for key in METRIC_KEYS}
    runs, found = _Runs(where["run"]), Digests()
    begun, logged = runs.begin(where), set(pq.read_schema(path).names)
    keys = [key for key in METRIC_KEYS if key in logged]
    whole = _frame(path, keys)
    for key in keys:
        values = _frame(path, (key,)) if whole is None else whole[[key]]
        if values is None:
            found[metric(key)] = {ANY: UNREADABLE}
        else:
            found[metric(key)] = runs.end(begun, values)
    return found


def _answer_streams(path: Path) -> Digests:
    rows = _frame(path, _ANSWERS)
    if rows is None:
        return {}  # changes() then reports every answer's digest as missing
    kinds = rows.groupby(["final", "mode", "temperature"], observed=True, sort=True)
    found = {
        answers(str(mode), float(temperature), final=bool(final)): digests_by_run(part)
        for (final, mode, temperature), part in kinds
    }
    return found | _gradings(path) | _responses(path)


def _responses(path: Path) -> Digests:
    optional = [STATED.name] if STATED.name in pq.read_schema(path).names else []
    rows = _frame(path, (*_ASKED, "status", "tokens", *optional))
    if rows is None:
        return {}
    found = {RESPONSES: digests_by_run(rows[rows["final"]])}
    training = rows[~rows["final"]]
    return found if training.empty else {**found, TRAINING_RESPONSES: digests_by_run(training)}


def _gradings(path: Path) -> Digests:
    """Return the gradings stream, only if a report has a table of it, so that the digests of older reports stay valid."""
    has_second = SECOND.name in pq.read_schema(path).names
    rows = _frame(path, ("run", "status", *([SECOND.name] if has_second else [])))
    return {GRADING: digests_by_run(rows)} if rows is not None and is_graded(rows) else {}


def _checks(logs: Path) -> Digests:
    """Return one digest of all checks for contamination, for the runs that represent the model."""
    try:
        runs = checked_runs(read_json(logs / MANIFEST), read_json(logs / RUNS))
    except (UserError, OSError, LookupError, TypeError):
        return {CONTAMINATION: {ANY: UNREADABLE}}
    return {CONTAMINATION: dict.fromkeys(runs, _short((logs / RATES).read_bytes()))}


def _replays(logs: Path) -> Digests:
    """Return the streams of a replay. Its runs are numbered after the study's own, from the number of runs on."""
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
    if rows is None or "run" not in rows:
        return {}
    return {stream: digests_by_run(part) for stream, part in split(rows).items()}


def _frame(path: Path, columns: Iterable[str] | None) -> pd.DataFrame | None:
    """Read columns of a Parquet file. Return None if they cannot be read."""
    try:
        return pq.read_table(path, columns=None if columns is None else list(columns)).to_pandas()
    except (pa.ArrowException, OSError, ValueError, KeyError):
        return None


def digests_by_run(rows: pd.DataFrame, apart_from: str | None = None) -> dict[int, str]:
    """Return a digest of each run's rows, without the column `apart_from`."""
    runs = _Runs(rows["run"])
    return runs.end(runs.begin(rows[[]]), rows if apart_from is None else rows.drop(columns=apart_from))


class _Runs:
    """The rows of each run in a table, whose columns are digested run by run, so that partial digests can be shared."""

    def __init__(self, run: pd.Series):
        sorted_already = run.is_monotonic_increasing
        self.order = slice(None) if sorted_already else np.argsort(run.to_numpy(), kind="stable")
        names, starts = np.unique(run.to_numpy()[self.order], return_index=True)
        ends = np.append(starts, len(run))[1:]  # empty without rows
        self.spans = {int(n): slice(int(s), int(e)) for n, s, e in zip(names, starts, ends, strict=True)}

    def begin(self, rows: pd.DataFrame) -> dict[int, Any]:
        """Start digests with these columns."""
        begun = {run: hashlib.sha256() for run in self.spans}
        self._update(begun, rows)
        return begun

    def end(self, begun: Mapping[int, Any], rows: pd.DataFrame) -> dict[int, str]:
        """Return digests of the started ones extended by these columns."""
        copies = {run: digest.copy() for run, digest in begun.items()}
        self._update(copies, rows)
        return {run: digest.hexdigest()[:DIGITS] for run, digest in copies.items()}

    def _update(self, digests: Mapping[int, Any], rows: pd.DataFrame) -> None:
        for _, column in rows.items():
            values = np.ascontiguousarray(_plain(column)[self.order])
            for run, span in self.spans.items():
                digests[run].update(values[span])


def _plain(column: pd.Series) -> NDArray[Any]:
    """Return fixed-size numbers that are the same on every machine: a hash of a text, and a single NaN for missing values."""
    if column.dtype.kind not in "biuf":
        texts = column.map(_text) if column.dtype == object else column
        kinds = texts.astype("category").cat
        hashes = pd.util.hash_array(kinds.categories.to_numpy(dtype=object))
        return np.asarray(
            np.append(hashes, [0])[kinds.codes], "<u8"
        )  # code -1, a missing value, takes the last
    values = column.to_numpy()
    if values.dtype.kind == "f":
        values = np.where(np.isnan(values), np.nan, values)
    return np.asarray(values, values.dtype.newbyteorder("<"))


def _text(value: Any) -> str:
    return repr(value.tolist() if isinstance(value, np.ndarray) else value)


def _short(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:DIGITS]
