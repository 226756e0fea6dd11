"""The state of a pool for its view: written by the pool alone, read by the view's thread. Nothing here blocks."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue

from sweeps.ledger.leases import newest
from sweeps.ledger.state import Standing, attempts_folder
from sweeps.monitor.terminal import duration
from sweeps.plan.pace import Left, Pace
from sweeps.plan.plan import Trial


@dataclass(frozen=True, kw_only=True)
class Running:
    """A trial in a worker; `started` is a monotonic time in seconds."""

    trial: Trial
    started: float
    slots: tuple[int, ...] = ()
    """All slots that it takes."""

    def elapsed(self) -> float:
        """Return the seconds since the worker started."""
        return time.monotonic() - self.started


@dataclass(kw_only=True)
class Board:
    """A sweep in progress. Fields are replaced whole, never changed in place, so that a reader needs no lock."""

    workers: int
    """Number of slots: CUDA devices or processors."""
    pace: Pace
    width: Callable[[Trial], int] = lambda trial: 1
    """Returns the number of slots that a trial takes."""
    done: int = 0
    diverged: int = 0
    """Number of trials that diverged, which is a result."""
    failed: int = 0
    running: Mapping[int, Running] = field(default_factory=dict)
    """Running trials by the first slot that each takes."""
    waiting: tuple[Trial, ...] = ()
    elsewhere: tuple[tuple[Path, str], ...] = ()
    """Lease folders of trials that another process runs, each with its host."""
    paused: bool = False
    lines: SimpleQueue[str] = field(default_factory=SimpleQueue)
    """One line per finished or failed trial, in order."""

    def count(self, trial: Trial, standing: Standing) -> None:
        """Count a trial that is over."""
        if standing.outcome == "done":
            self.done += 1
            self.pace = self.pace.with_trial(trial, standing.seconds)
        elif standing.outcome == "diverged":
            self.diverged += 1
        else:
            self.failed += 1

    def settle(self, trial: Trial, standing: Standing) -> None:
        """Count a trial that has just ended and queue its line."""
        self.count(trial, standing)
        if standing.outcome == "done":
            text = f"done    {trial.label} in {duration(standing.seconds)}"
        elif standing.outcome == "diverged":
            text = f"diverged {trial.label}: {standing.message}; log in {trial.folder}"
        else:
            text = f"FAILED  {trial.label} ({standing.reason}): {standing.message}; log in {trial.folder}"
        self.lines.put(f"[{self._over()}/{self.total()}] {text}")

    def drop(self, trial: Trial) -> None:
        """Remove a trial from the waiting ones."""
        self.waiting = tuple(other for other in self.waiting if other != trial)

    def queue_again(self, trial: Trial, lost: bool) -> None:
        """Queue a trial behind the others after an attempt that did not decide it."""
        self.waiting = (*self.waiting, trial)
        why = "another worker took it over" if lost else last_attempt(trial)
        self.lines.put(f"[{self._over()}/{self.total()}] again   {trial.label}: {why}")

    def readmit(self, trial: Trial) -> None:
        """Move a failed trial that is to be retried back to the waiting ones."""
        self.failed -= 1
        self.waiting = (*self.waiting, trial)
        self.lines.put(f"[{self._over()}/{self.total()}] again   {trial.label}: to be retried")

    def total(self) -> int:
        """Return the number of trials of the sweep."""
        return self._over() + len(self.running) + len(self.waiting)

    def _over(self) -> int:
        return self.done + self.diverged + self.failed

    def summary(self) -> str:
        """Return the counts and the time left, in one line."""
        left = len(self.running) + len(self.waiting)
        text = (
            f"{self.done} done, {self.diverged} diverged, {self.failed} failed, {left} left; "
            f"time left {duration(self.seconds_left())}"
        )
        if self.paused:
            text = f"paused (`sweeps resume` continues); {text}"
        if self.elsewhere:
            paths = ", ".join(
                f"{path} on {host or 'an unknown machine'}" for path, host in self.elsewhere[:3]
            )
            text += f"; {len(self.elsewhere)} run in another process, taken over if it vanishes: {paths}"
        return text

    def seconds_left(self) -> float | None:
        """Estimate the time left from finished trials; None before any has finished."""
        return self.pace.seconds_left([*self._started(), *self._unstarted()], self.workers)

    def _started(self) -> list[Left]:
        return [
            Left(arm=item.trial.arm, elapsed=item.elapsed(), slots=max(len(item.slots), 1))
            for item in self.running.values()
        ]

    def _unstarted(self) -> list[Left]:
        return [Left(arm=trial.arm, slots=self.width(trial)) for trial in self.waiting]


def last_attempt(trial: Trial) -> str:
    """Return a phrase on how the last attempt at a trial ended."""
    lease = newest(attempts_folder(trial.folder))
    return "" if lease is None else f"attempt {lease.number} ended ({lease.outcome}): {lease.message}"
