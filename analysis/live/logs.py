"""Logs of a run that is being written: new lines are read, and earlier ones are kept as the points of the
run's curves.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analysis.logs.jsonl import BadLine, check_filled, parse_lines, whole_lines
from analysis.logs.run_folders import EVAL_COLUMNS, METRIC_COLUMNS, NEEDED
from sspo.runs import runlog

KEYS = (
    "reward/mean",
    "rollout/accuracy",
    "rollout/response_tokens",
    "rollout/entropy_token",
    "policy/clip_frac_active",
    "policy/clip_frac_active_low",
    "policy/clip_frac_active_high",
    "policy/ratio_std",
    "policy/token_log_ratio_std",
    "policy/ratio_p01",
    "policy/ratio_p50",
    "policy/ratio_p99",
)
"""Metrics that the curves show."""
MOST_POINTS = 128
"""Rollouts kept per run; a longer run keeps every second one, every fourth, and so on."""
MOST_BYTES = 1 << 25
"""Bytes of a log read at once."""
LOOKED_BACK = 256
"""Bytes before the new lines that must be unchanged."""
METRICS_SCHEMA = pa.schema([f for f in METRIC_COLUMNS if f.name in (*NEEDED[runlog.METRICS], *KEYS)])
EVAL_SCHEMA = pa.schema([f for f in EVAL_COLUMNS if f.name in NEEDED[runlog.EVAL]])

Question = tuple[str, str]


class GrowingLog:
    """Yields the whole lines of a file that it has not yielded before."""

    def __init__(self, path: Path):
        self.path = path
        self.seen: tuple[int, int, int] | None = None
        """The file's state at the last read."""
        self._offset, self._before = 0, b""

    def state(self) -> tuple[int, int, int] | None:
        """Return inode, size and time of the file as it is now; None if it does not exist."""
        try:
            return _state(self.path.stat())
        except (FileNotFoundError, NotADirectoryError):
            return None

    def pieces(self) -> Iterator[tuple[bytes, bool]]:
        """Yield new lines, at most MOST_BYTES at a time, with whether they start the file.

        If the earlier part of the file has changed, all of it is new. Raises BadLine if a line is longer than
        MOST_BYTES.
        """
        try:
            stream = self.path.open("rb")
        except (FileNotFoundError, NotADirectoryError):
            return
        with stream:
            state = _state(os.fstat(stream.fileno()))
            if not self._goes_on(stream, state):
                self._offset, self._before = 0, b""
            self.seen = state
            stream.seek(self._offset)
            while self._offset < state[1]:
                read = stream.read(MOST_BYTES)
                lines = whole_lines(read)
                if not lines and len(read) == MOST_BYTES:
                    raise BadLine(1, f"a line is longer than {MOST_BYTES:,} bytes")
                if not lines:
                    return
                first = self._offset == 0
                self._offset += len(lines)
                self._before = lines[-LOOKED_BACK:]
                stream.seek(self._offset)
                yield lines, first

    def _goes_on(self, stream: Any, state: tuple[int, int, int]) -> bool:
        if self.seen is None or state[0] != self.seen[0] or state[1] <= self.seen[1]:
            return False
        stream.seek(self._offset - len(self._before))
        return bool(stream.read(len(self._before)) == self._before)


def _state(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_ino, status.st_size, status.st_mtime_ns


class MetricSums:
    """Sums of the metrics by rollout, updated as lines arrive."""

    def __init__(self, path: Path):
        self._log = GrowingLog(path)
        self._clear()

    def _clear(self) -> None:
        self.stride = 1
        self.sums: dict[int, NDArray[np.float64]] = {}
        """By rollout: sums of KEYS, and the number of values in each."""

    def read(self) -> bool:
        """Read new lines and return whether there were any. Raises BadLine if a line is not a step."""
        if self._log.state() in (None, self._log.seen):
            return False
        news = False
        try:
            for lines, first in self._log.pieces():
                if first:
                    self._clear()
                table = parse_lines(lines, METRICS_SCHEMA)
                check_filled(table, NEEDED[runlog.METRICS])
                self._add(table)
                news = True
        except BadLine:
            self._log = GrowingLog(self._log.path)  # the next read starts from the beginning
            self._clear()
            raise
        return news

    def _add(self, table: pa.Table) -> None:
        if not len(table):
            return
        rollouts, place = np.unique(table.column("rollout").to_numpy(), return_inverse=True)
        values = np.stack([table.column(key).to_numpy() for key in KEYS], axis=1).astype(np.float64)
        sums = np.zeros((len(rollouts), 2, len(KEYS)))
        np.add.at(sums[:, 0], place, np.nan_to_num(values))
        np.add.at(sums[:, 1], place, ~np.isnan(values))
        for rollout, new in zip(rollouts.tolist(), sums, strict=True):
            if on_grid(rollout, self.stride):
                self.sums[rollout] = self.sums[rollout] + new if rollout in self.sums else new.copy()
            while len(self.sums) > MOST_POINTS:
                self.stride *= 2
                self.sums = {at: of for at, of in self.sums.items() if on_grid(at, self.stride)}

    def means(self, stride: int) -> tuple[list[int], NDArray[np.float64]]:
        """Return the rollouts on the grid in order, and one row of means for each; nan if nothing was logged."""
        rollouts = sorted(at for at in self.sums if on_grid(at, stride))
        sums = np.array([self.sums[at] for at in rollouts]).reshape(-1, 2, len(KEYS))
        means = np.full(sums[:, 0].shape, np.nan)
        return rollouts, np.divide(sums[:, 0], sums[:, 1], out=means, where=sums[:, 1] > 0)


def on_grid(rollout: int, stride: int) -> bool:
    """Return whether a rollout is on the grid of every `stride`-th one."""
    return (rollout + 1) % stride == 0


@dataclass(frozen=True)
class Evaluated:
    """One evaluation at T = 1."""

    answers: int
    mean: float
    """The mean over sets of the mean over a set's answers."""
    asked: frozenset[Question]


class Evaluations:
    """A run's evaluations at T = 1, by (rollout, final)."""

    def __init__(self, path: Path):
        self._path = path
        self._state: tuple[int, int, int] | None = None
        self.found: dict[tuple[int, bool], Evaluated] = {}
        self.values: dict[Question, list[float]] = {}
        """Answers of the last final evaluation."""

    def read(self, asked: dict[frozenset[Question], frozenset[Question]]) -> bool:
        """Read the whole log again if it changed, as evaluations are rare, and return whether it did.

        `asked` interns each set of questions for all runs. Raises BadLine if a line is not an answer.
        """
        log = GrowingLog(self._path)
        if log.state() in (None, self._state):
            return False
        answers: dict[tuple[int, bool], dict[tuple[str, str, int], float]] = {}
        self.found, self.values = {}, {}
        for lines, _ in log.pieces():
            _add_answers(answers, lines)
        changed = self._state != log.seen
        self._state = log.seen
        for key, of in answers.items():
            questions = frozenset(name[:2] for name in of)
            self.found[key] = Evaluated(len(of), _mean(of), asked.setdefault(questions, questions))
        finals = [key for key in answers if key[1]]
        if finals:
            for (name, question, _), value in answers[max(finals)].items():
                self.values.setdefault((name, question), []).append(value)
        return changed


def _add_answers(answers: dict[tuple[int, bool], dict[tuple[str, str, int], float]], lines: bytes) -> None:
    """Add each answer once; if an evaluation was repeated, the later one counts."""
    table = parse_lines(lines, EVAL_SCHEMA)
    check_filled(table, EVAL_SCHEMA.names)
    columns = {name: table.column(name).to_pylist() for name in EVAL_SCHEMA.names}
    rows = zip(
        *(columns[name] for name in ("rollout", "final", "set", "question", "sample", "value")), strict=True
    )
    at = zip(columns["mode"], columns["temperature"], strict=True)
    for (rollout, final, *answer, value), decoding in zip(rows, at, strict=True):
        if decoding == ("sampled", 1.0):
            answers.setdefault((rollout, final), {})[tuple(answer)] = value  # type: ignore[index]


def _mean(answers: Mapping[tuple[str, str, int], float]) -> float:
    """Return the mean over sets of the mean over answers."""
    by_set: dict[str, list[float]] = {}
    for (name, _, _), value in answers.items():
        by_set.setdefault(name, []).append(value)
    return fmean(fmean(values) for values in by_set.values())
