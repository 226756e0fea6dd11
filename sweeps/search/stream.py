"""The worker pool, fed one suggestion at a time. All uses of `sweeps.workers.pool` by a search are here."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from sweeps.ledger.leases import Watch
from sweeps.ledger.state import Standing, standing
from sweeps.monitor.board import Board
from sweeps.monitor.requests import no_request
from sweeps.plan.plan import Trial
from sweeps.search.driver import Open, ends_of
from sweeps.workers.attempts import reset_retries
from sweeps.workers.pool import Pool
from sweeps.workers.worker import GRACE, Command, Worker

LOOK = 0.5
"""Seconds between reads of the curves of running trials."""


class Asks(Protocol):
    """What a stream needs of a driver: that of a search, or those of several arms as one."""

    @property
    def open(self) -> Mapping[Any, Open]:
        """The open trials."""

    def may_ask(self) -> bool: ...

    def ask(self) -> Open | None: ...

    def adopt(self) -> list[Open]: ...

    def to_prune(self) -> list[Open]: ...

    def prune(self, opened: Open) -> None: ...

    def conclude(self, opened: Open, ends: Mapping[int, Standing]) -> None: ...

    def take_news(self) -> Iterator[str]: ...


class Stream(Pool):
    """A pool that gets its trials from a driver as workers become free; the driver may also stop them. Call `run([])`."""

    def __init__(
        self,
        driver: Asks,
        board: Board,
        command: Command,
        *,
        timeout: float | None,
        devices: Sequence[str],
        watch: Watch,
        request: Callable[[], str] = no_request,
    ):
        super().__init__(board, command, timeout=timeout, devices=devices, watch=watch, request=request)
        self.driver = driver
        self._stopping: dict[Path, float] = {}
        """Run folders whose trainers were signaled to stop, with the time of the signal."""
        self._looked = 0.0

    def _sort(self, trials: Sequence[Trial]) -> None:
        for opened in self.driver.adopt():
            self._count(opened)
            self._enqueue(opened)
        self._advance()

    def _reap(self) -> None:
        """Reap ended workers. Those that were signaled to stop end without a failure, so the pool does not handle them."""
        self._reap_stopped()
        stopping = {slots: w for slots, w in self._active.items() if w.trial.folder in self._stopping}
        self._active = {slots: w for slots, w in self._active.items() if slots not in stopping}
        try:
            super()._reap()
        finally:
            self._active |= stopping

    def _note(self, trial: Trial, state: str) -> None:
        """Do nothing: only the driver retries failures."""

    def _readmit(self) -> None:
        """Settle the trials that are over, also while no others may start."""
        self._settle()

    def _busy(self) -> bool:
        return super()._busy() or bool(self.driver.open) or self.driver.may_ask()

    def _fill(self) -> None:
        self._advance()
        super()._fill()
        if not self._active and not self.board.waiting:  # the last run has just ended in another process
            self._advance()

    def _advance(self) -> None:
        """Settle the trials that are over, stop the pruned ones, and start more while a worker is idle."""
        self._settle()
        if time.monotonic() - self._looked >= LOOK:
            self._looked = time.monotonic()
            for opened in self.driver.to_prune():
                self._prune(opened)
        while self._hungry():
            opened_next = self.driver.ask()
            if opened_next is None:
                break
            self._count(opened_next)
            self._enqueue(opened_next)
            self._settle()
        for line in self.driver.take_news():
            self.board.lines.put(line)

    def _settle(self) -> None:
        """Conclude the trials that have no run left, and requeue a run that was stopped when another trial of its cell was pruned."""
        ours = self._ours()
        for opened in list(self.driver.open.values()):
            if any(run.folder in ours for run in opened.runs):
                continue
            ends = ends_of(opened)
            if all(end.over() for end in ends.values()):
                self.driver.conclude(opened, ends)
            else:
                self._enqueue(opened)

    def _enqueue(self, opened: Open) -> None:
        """Queue the unfinished runs; a run that failed before gets another attempt with each trial that includes it."""
        ours = self._ours()
        waiting: list[Trial] = []
        for run in opened.runs:
            if run.folder not in ours and standing(run.folder).outcome not in ("done", "diverged"):
                reset_retries(run)
                waiting.append(run)
        self.board.waiting = (*self.board.waiting, *waiting)

    def _count(self, opened: Open) -> None:
        """Count the runs that the store already has, which are only read."""
        for run in opened.runs:
            now = standing(run.folder)
            if now.outcome in ("done", "diverged"):
                self.board.count(run, now)

    def _hungry(self) -> bool:
        startable = len(self.board.waiting) - len(self.board.elsewhere)
        idle = self.board.workers - len(self._active)
        return startable < idle and len(self.driver.open) < self.board.workers

    def _prune(self, opened: Open) -> None:
        self.driver.prune(opened)
        wanted = {run.folder for other in self.driver.open.values() for run in other.runs}
        folders = {run.folder for run in opened.runs} - wanted
        self.board.waiting = tuple(run for run in self.board.waiting if run.folder not in folders)
        for worker in self._active.values():
            if worker.trial.folder in folders:
                self._stopping.setdefault(worker.trial.folder, time.monotonic())
                worker.signal(signal.SIGTERM)

    def _reap_stopped(self) -> None:
        """Reap stopped runs. Their folders keep no failure, so that a later trial can continue them."""
        for slots, worker in list(self._active.items()):
            since = self._stopping.get(worker.trial.folder)
            if since is not None and _gone(worker, since):
                worker.abandon()
                del self._active[slots], self._stopping[worker.trial.folder]
                self._slots.give_back(slots)
                self._show_running()
                self._next_look = 0.0

    def _ours(self) -> set[Path]:
        """Return the folders of the runs that this pool runs or will run."""
        return {worker.trial.folder for worker in self._active.values()} | {
            run.folder for run in self.board.waiting
        }


def _gone(worker: Worker, since: float) -> bool:
    return worker.ended() or time.monotonic() - since > GRACE
