"""A study as its store has it now: states, failures and the curves so far, of runs that are being written, too."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import yaml

from analysis.jsonl import BadLine, parse_lines, whole_lines
from analysis.load import (
    COUNTED,
    DONE,
    EVAL_COLUMNS,
    METRIC_COLUMNS,
    MISSING,
    RUNNING,
    run_state,
    stacked,
)
from analysis.logs import EVAL_SCHEMA, METRIC_SCHEMA, Logs
from analysis.results import Evidence
from analysis.study import (
    DEFAULT_PRESET,
    PRESETS,
    Arm,
    Study,
    from_manifest,
    manifest_path,
    read_json,
    sweep_command,
)
from sspo import runlog
from sspo.build import build
from sspo.config import TrainConfig
from sspo.errors import UserError, unknown
from sspo.identity import level_of
from sspo.runlog import FAILED as FAILED_MARKER

SILENT = 300.0
"""Seconds after which a run without a marker that wrote nothing is said to be silent."""
INTERRUPTED = "silent"
STALE = "stale"
TAIL = 2000
"""Characters of a failed run's log that are shown, its last ones."""


@dataclass(frozen=True)
class LiveRun:
    """One planned run as it is now."""

    arm: str
    label: str
    seed: int
    cell: str
    state: str
    """As in a report; `silent` for a run without a marker that has not written for SILENT seconds; `stale` for a finished
    one that this code would give other numbers."""
    reason: str
    rollouts: int
    planned: int | None
    """Rollouts of the whole run; None before it has written its configuration."""
    written: float | None
    """When it last wrote a line, in seconds since 1970."""
    log_tail: str


class LiveStudy:
    """Reads a store again and again; a log that did not change is not read twice. Nothing is ever written."""

    def __init__(self, name: str, preset: str | None, store: Path):
        self.path, self.store = _manifest(name, preset, store), store
        self._read: dict[tuple[Path, str], tuple[tuple[int, int], Any]] = {}

    def look(self) -> tuple[Study, list[LiveRun], Evidence | None]:
        """The study, its runs in the manifest's order, and what their logs hold (None before any does)."""
        manifest = read_json(self.path)
        study = from_manifest(manifest)
        runs, records, metrics, answers = [], [], [], []
        for arm in study.arms:
            for seed in arm.seeds:
                folder = arm.folder(self.store, seed)
                logged = self._log(folder / runlog.METRICS, METRIC_COLUMNS)
                asked = self._log(folder / runlog.EVAL, EVAL_COLUMNS)
                run = self._run(arm, seed, folder, logged)
                runs.append(run)
                records.append(self._record(run, folder, started=len(logged) + len(asked) > 0))
                metrics.append((len(records) - 1, logged))
                answers.append((len(records) - 1, asked))
        steps = stacked(metrics, METRIC_SCHEMA)
        if not len(steps):
            return study, runs, None
        frames = steps.to_pandas(), stacked(answers, EVAL_SCHEMA).to_pandas()
        return study, runs, Evidence(Logs(manifest, tuple(records), *frames))

    def _run(self, arm: Arm, seed: int, folder: Path, logged: pa.Table) -> LiveRun:
        state, written = run_state(folder), _written(folder)
        known, reason = str(state["status"]), str(state["reason"])
        if known == RUNNING:
            silent = written is None or time.time() - written > SILENT
            known, reason = (
                (INTERRUPTED, "no marker and nothing new: stopped, or very slow") if silent else (RUNNING, "")
            )
        if known == DONE and self._stale(folder, arm.level(seed)):
            known, reason = STALE, "finished by code with other numbers; a sweep makes it again with --fresh"
        failure = read_json(folder / FAILED_MARKER) if (folder / FAILED_MARKER).is_file() else {}
        rollouts = 0 if not len(logged) else int(logged.column("rollout").to_pandas().max()) + 1
        return LiveRun(
            arm=arm.name,
            label=arm.label,
            seed=seed,
            cell=arm.cell,
            state=known,
            reason=": ".join(part for part in (reason, str(state["message"])) if part),
            rollouts=rollouts,
            planned=self._planned(folder),
            written=written,
            log_tail=str(failure.get("log_tail", ""))[-TAIL:],
        )

    def _stale(self, folder: Path, level: str) -> bool:
        """Whether this code would give the run other numbers. One whose configuration says nothing to this code is not judged."""

        def read(path: Path) -> str | None:
            try:
                return level_of(build(TrainConfig, self._config(folder)))
            except UserError:
                return None

        return self._cached(folder / runlog.CONFIG, read, "level") not in (None, level)

    def _planned(self, folder: Path) -> int | None:
        found = self._config(folder).get("trainer", {}).get("rollouts")
        return None if found is None else int(found)

    def _record(self, run: LiveRun, folder: Path, *, started: bool) -> dict[str, Any]:
        """As in runs.json; a run that only began counts as one that is there, so that curves have it."""
        status = run.state if run.state in (*COUNTED, MISSING) or not started else DONE
        return {
            "arm": run.arm,
            "seed": run.seed,
            "cell": run.cell,
            "status": status,
            "reason": run.reason,
            "message": "",
            "ratio": self._config(folder).get("objective", {}).get("ratio"),
            "versions": {},
        }

    def _config(self, folder: Path) -> dict[str, Any]:
        def read(path: Path) -> dict[str, Any]:
            return dict(yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader) or {})

        found = self._cached(folder / runlog.CONFIG, read)
        return {} if found is None else dict(found)

    def _log(self, path: Path, schema: pa.Schema) -> pa.Table:
        """A log as far as it is written; one that is broken before its last line counts as empty."""

        def read(place: Path) -> pa.Table:
            with contextlib.suppress(BadLine):  # the run's state says so when it ends
                return parse_lines(whole_lines(place.read_bytes()), schema)
            return schema.empty_table()

        found = self._cached(path, read)
        return schema.empty_table() if found is None else found

    def _cached(self, path: Path, read: Callable[[Path], Any], what: str = "") -> Any:
        """What `read` gives, again only when size or time changed; None where there is no file (any more)."""
        try:
            status = path.stat()
            state = status.st_size, status.st_mtime_ns
            if self._read.get((path, what), (None, None))[0] != state:
                self._read[path, what] = state, read(path)
            return self._read[path, what][1]
        except FileNotFoundError:
            return None


def _written(folder: Path) -> float | None:
    """When the run last wrote to a log."""
    logs = (folder / name for name in (runlog.METRICS, runlog.EVAL, runlog.CONFIG))
    return max(_times(logs), default=None)


def _times(paths: Iterator[Path]) -> Iterator[float]:
    for path in paths:
        with contextlib.suppress(FileNotFoundError):  # not written yet
            yield path.stat().st_mtime


def _manifest(name: str, preset: str | None, store: Path) -> Path:
    """The manifest to watch, the latest where no preset is named. Raises UserError where there is none."""
    paths = [manifest_path(store, name, p) for p in ([preset] if preset else PRESETS)]
    there = [path for path in paths if path.is_file()]
    if there:
        return max(there, key=lambda path: path.stat().st_mtime_ns)
    known = {path.name.partition(".")[0] for path in (store / "studies").glob("*.json")}
    if known and name not in known:
        raise unknown("study", name, known)
    which = f" (preset {preset})" if preset else ""
    command = sweep_command(name, preset or DEFAULT_PRESET)
    raise UserError(f"study '{name}'{which} is not planned in {store}: run {command} first")


def counts(runs: list[LiveRun]) -> pd.Series:
    """How many runs are in each state."""
    return pd.Series([run.state for run in runs], dtype=str).value_counts()
