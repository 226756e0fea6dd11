"""One run as its folder is now, in whatever state."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from analysis.logs.ended import ended_logs
from analysis.logs.run_files import (
    BROKEN,
    DIVERGED,
    DONE,
    RUNNING,
    Damaged,
    RunMarkers,
    configuration,
    marker,
    standing,
)
from analysis.single_runs import logs
from analysis.single_runs.logs import HeldOut
from analysis.single_runs.settings import Options, label, made_unique
from sspo.runs import runlog
from sspo.runs.epochs import flat

SILENT = 300.0
"""Seconds without a line after which a run without a marker counts as unfinished rather than running."""
UNFINISHED = "unfinished"
WRITTEN = (runlog.CONFIG, *runlog.LOGS, runlog.DONE, runlog.FAILED)


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run's facts, and what it has logged so far."""

    folder: Path
    label: str
    state: str
    reason: str = ""
    written: float | None = None
    """When one of its files was last written, in seconds since 1970."""
    config: Options = field(default_factory=dict)
    """Options by dotted name."""
    nested: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    seconds: float | None = None
    measures: Mapping[str, Mapping[int, float]] = field(default_factory=dict)
    """By label: rollouts done, mapped to values. Measures that were never logged are missing."""
    held_out: HeldOut = field(default_factory=HeldOut)
    warnings: Sequence[str] = ()

    @property
    def rollouts(self) -> int:
        """Rollouts done."""
        return max((max(values) for values in self.measures.values()), default=0)

    @property
    def planned(self) -> int | None:
        """Rollouts of the whole run, if its configuration states them."""
        found = self.config.get("trainer.rollouts")
        return found if type(found) is int else None

    @property
    def ended(self) -> bool:
        """Whether it will log nothing more."""
        return self.state in (DONE, DIVERGED)


def read_runs(folders: Sequence[Path]) -> list[Run]:
    """Read the runs in these folders, with unique labels."""
    runs = [read_run(folder) for folder in folders]
    cells = [place(folder) for folder in folders]
    labels = made_unique([run.label for run in runs], [run.config for run in runs], cells)
    return [replace(run, label=label) for run, label in zip(runs, labels, strict=True)]


def read_run(folder: Path, now: float | None = None) -> Run:
    """Read the run in a folder; a damaged file is named among its warnings, and its contents are missing."""
    warnings: list[str] = []
    nested = _read(lambda: configuration(folder), {}, warnings)
    environment = _read(lambda: marker(folder, runlog.ENVIRONMENT), None, warnings) or {}
    config = flat(nested)
    written = _written(folder)
    run = Run(
        folder=folder,
        label=label(config, place(folder)),
        state=RUNNING,
        written=written,
        config=config,
        nested=nested,
        environment=environment,
    )
    try:
        found = standing(folder)
        run = replace(run, **_state(found, written, time.time() if now is None else now))
        ended = ended_logs(folder)
    except Damaged as error:
        return replace(run, state=BROKEN, reason=str(error), warnings=warnings)
    empty = logs.METRICS_SCHEMA.empty_table().to_pandas()
    metrics = _read(
        lambda: logs.read_table(folder, runlog.METRICS, logs.METRICS_SCHEMA, ended), empty, warnings
    )
    empty = logs.EVAL_SCHEMA.empty_table().to_pandas()
    answers = _read(lambda: logs.read_table(folder, runlog.EVAL, logs.EVAL_SCHEMA, ended), empty, warnings)
    metrics = logs.of_whole_rollouts(metrics)
    measures = logs.by_rollout(metrics)
    warnings += [*logs.noticed(measures, metrics), *logs.said(folder)]
    scores = logs.held_out(answers, ended=run.ended)
    return replace(run, measures=measures, held_out=scores, warnings=warnings)


def place(folder: Path) -> str:
    """Return the path that distinguishes run folders of the same name: `cell/level/seed0`, without the
    folders above.
    """
    parts = folder.resolve().parts
    return "/".join(parts[parts.index("cells") + 1 :] if "cells" in parts else parts[-2:])


def age(seconds: float) -> str:
    """Return how long ago something happened, in one unit."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit} ago"
    return f"{max(0, int(seconds))} s ago"


def _state(found: RunMarkers, written: float | None, now: float) -> dict[str, Any]:
    """Return state and reason; without a marker they depend on when the last line was written."""
    state = found.state()
    parts = [state["reason"], state["message"]]
    reason = ": ".join(part for part in parts if part and part != state["status"])
    seconds = None if found.done is None else found.done.get("seconds")
    if state["status"] != RUNNING:
        return {"state": state["status"], "reason": reason, "seconds": seconds}
    if written is None:
        return {"state": UNFINISHED, "reason": "it has written nothing yet"}
    since = now - written
    if since <= SILENT:
        return {"state": RUNNING, "reason": f"last line {age(since)}"}
    return {
        "state": UNFINISHED,
        "reason": f"no marker, and the last line is {age(since)}: stopped or very slow",
    }


def _written(folder: Path) -> float | None:
    times = []
    for name in WRITTEN:
        try:
            times.append((folder / name).stat().st_mtime)
        except OSError:
            continue
    return max(times, default=None)


def _read(read: Any, otherwise: Any, warnings: list[str]) -> Any:
    """Return what a file holds; damage goes to the warnings."""
    try:
        return read()
    except Damaged as error:
        warnings.append(f"{error.file} {error.what}: {error}")
        return otherwise
