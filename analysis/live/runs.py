"""One run as its folder is now, read again only if a size or a time in it changed."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path

from analysis.live.config import Configurations
from analysis.live.leases import Leases
from analysis.logs.ended import ended_with
from analysis.logs.run_files import (
    BROKEN,
    DONE,
    FAILED,
    RUNNING,
    Damaged,
    RunMarkers,
    marker,
    number,
    standing,
)
from sspo.runs import runlog

SILENT = 300.0
"""Seconds without a write after which a run without a marker and a lease counts as silent."""
STILL = 60.0
"""Seconds after which an untouched lease counts as abandoned; its holder touches it every two."""
INTERRUPTED, STALE, WAITING = "silent", "stale", "waiting"
TAIL = 2000
"""Characters shown from the end of a failed run's log."""
LAST_LINES = 1 << 18
"""Bytes at the end of a log in which its last line is searched."""
LOGS = (runlog.METRICS, runlog.EVAL)

ENDED = (DONE, STALE)
ENDED_FILES = (runlog.DONE, *LOGS)
FILES = (*ENDED_FILES, runlog.CONFIG, runlog.FAILED, runlog.ENVIRONMENT)
MOST_ROLLOUTS = 32_767
"""The highest rollout that a compact log can hold."""

Stat = tuple[int, int, int]
"""Time of the last change in nanoseconds, size and inode."""


@dataclass(frozen=True)
class LiveRun:
    """One planned run as it is now."""

    arm: str
    label: str
    seed: int
    cell: str
    state: str
    """As in a report; `silent` for a run without a marker that shows no sign of life; `waiting` for one whose
    last attempt ended without a result; `stale` for a finished one for which this code would give
    different numbers.
    """
    reason: str = ""
    rollouts: int = 0
    planned: int | None = None
    """Rollouts of the whole run; None until it has written its configuration."""
    written: float | None = None
    """When it last wrote a line, in seconds since 1970."""
    log_tail: str = ""
    ratio: str | None = None


class WatchedRun:
    """Polls a run folder."""

    def __init__(self, planned: LiveRun, folder: Path, level: str, configurations: Configurations):
        self.run, self.folder = planned, folder
        self._planned, self._level, self._configurations = planned, level, configurations
        self._base = planned
        self._seen: tuple[Stat | None, ...] = ()
        self._leases = Leases(folder)

    def look(self, now: float, *, closely: bool = True) -> LiveRun:
        """Return the run at `now`, in seconds since 1970: the same object as before if nothing changed.

        For a run that is done, check only the folder and the files that it ended with, unless `closely`.
        """
        try:
            found = self._look(now, closely)
        except OSError as error:
            name = Path(str(error.filename)).name
            found = broken(self._planned, Damaged(name, f"cannot read {name}: {error.strerror}"))
        if found != self.run:
            self.run = found
        return self.run

    def _look(self, now: float, closely: bool) -> LiveRun:
        here = _stat(str(self.folder))
        if here is None:
            self._seen = ()
            return self._planned
        names = FILES if closely or self._base.state not in ENDED else ENDED_FILES
        seen = (here, *(_stat(f"{self.folder}/{name}") for name in names))
        if seen[1:] != self._seen[1 : len(seen)] or (len(seen) < len(self._seen) and here != self._seen[0]):
            if len(seen) <= len(ENDED_FILES) + 1:
                seen = (here, *(_stat(f"{self.folder}/{name}") for name in FILES))
            self._base = self._read(seen)
            self._seen = seen
        return self._alive(self._base, now) if self._base.state in (RUNNING, FAILED) else self._base

    def _read(self, seen: tuple[Stat | None, ...]) -> LiveRun:
        times = [stat[0] / 1e9 for stat in seen[2:5] if stat is not None]  # of the logs and the configuration
        written = max(times, default=None)
        run = replace(self._planned, written=written)
        try:
            now = standing(self.folder)
            state = now.state()
            reason = ": ".join(part for part in (state["reason"], state["message"]) if part)
            run = replace(run, state=state["status"], reason="" if state["status"] == RUNNING else reason)
            marker(self.folder, runlog.ENVIRONMENT)
            config = self._configurations.of(self.folder)
            run = replace(run, planned=config.planned, ratio=config.ratio, rollouts=self._rollouts(now))
            _check_ended(now, seen)
        except Damaged as error:
            return broken(run, error)
        if run.state == DONE and config.level not in (None, self._level):
            reason = "finished by code that gives different numbers; a sweep with --fresh runs it again"
            run = replace(run, state=STALE, reason=reason)
        tail = "" if now.failed is None else str(now.failed.get("log_tail", ""))[-TAIL:]
        return replace(run, log_tail=tail)

    def _rollouts(self, now: RunMarkers) -> int:
        known = None if now.done is None else number(now.done, "rollouts", runlog.DONE)
        return int(known) if known is not None else last_rollout(self.folder / runlog.METRICS) + 1

    def _alive(self, base: LiveRun, now: float) -> LiveRun:
        """Return a run that is not done with its state by its signs of life: the touches of its lease, and
        its writes.
        """
        lease = self._leases.newest()
        if lease is not None and lease.outcome:
            if base.state == FAILED:
                return base
            ended = f"attempt {lease.number} ended ({lease.outcome}): the next sweep continues it"
            return replace(base, state=WAITING, reason=ended)
        if lease is None:
            if base.state == FAILED:
                return base
            latest, patience = max(base.written or 0.0, _modified(self.folder)), SILENT
        else:
            latest, patience = max(base.written or 0.0, lease.touched), STILL
        if now - latest <= patience:
            return replace(base, state=RUNNING, reason="", log_tail="")
        if base.state == FAILED:
            return base
        return replace(base, state=INTERRUPTED, reason="no marker and no sign of life: stopped or very slow")


def broken(run: LiveRun, error: Damaged) -> LiveRun:
    """Return a run with its state set to broken because a file in it cannot be read."""
    state = error.state()
    return replace(run, state=BROKEN, reason=f"{state['reason']}: {state['message']}", log_tail="")


def last_rollout(metrics: Path) -> int:
    """Return the rollout of a log's last whole line; -1 if there is no line yet. Raises Damaged if the line
    has no rollout.
    """
    try:
        with metrics.open("rb") as stream:
            stream.seek(max(0, os.fstat(stream.fileno()).st_size - LAST_LINES))
            content = stream.read()
    except FileNotFoundError:
        return -1
    except OSError as error:
        raise Damaged(runlog.METRICS, f"cannot read {runlog.METRICS}: {error.strerror}") from error
    lines = content[: content.rfind(b"\n") + 1].splitlines()
    if not lines:
        return -1
    try:
        found = json.loads(lines[-1])["rollout"]
        if type(found) is not int or abs(found) > MOST_ROLLOUTS:
            raise ValueError("it names no rollout")
        return found
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Damaged(runlog.METRICS, "its last line has no rollout") from error


def _check_ended(now: RunMarkers, seen: tuple[Stat | None, ...]) -> None:
    """Raise Damaged if a finished run's logs differ in size from what it recorded at its end."""
    if now.done is None:
        return
    for name, (size, _) in ended_with(now.done, runlog.DONE).extents.items():
        stat = seen[1 + FILES.index(name)] if name in LOGS else None
        if name in LOGS and (0 if stat is None else stat[1]) != size:
            found = 0 if stat is None else stat[1]
            raise Damaged(name, f"{name} has {found} bytes, but had {size} when the run ended", "was changed")


def _modified(folder: Path) -> float:
    found = _stat(str(folder))
    return 0.0 if found is None else found[0] / 1e9


def _stat(path: str) -> Stat | None:
    try:
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
