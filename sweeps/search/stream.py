"""The worker pool, fed one suggestion at a time. All that a search asks of `sweeps.workers.pool` is here."""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from pathlib import Path

from sweeps.ledger.leases import Watch
from sweeps.ledger.state import standing
from sweeps.monitor.board import Board
from sweeps.plan.plan import Trial
from sweeps.search.driver import Driver, Open, ends_of
from sweeps.workers.attempts import reset_retries
from sweeps.workers.pool import Pool
from sweeps.workers.worker import GRACE, Command, Worker

LOOK = 0.5
"""Seconds between looks at the curves of running trials."""


class Stream(Pool):
    """A pool whose trials come from a driver, as workers fall free, and may be stopped by it. Call `run([])`."""

    def __init__(
        self,
        driver: Driver,
        board: Board,
        command: Command,
        *,
        timeout: float | None,
        devices: Sequence[str],
        watch: Watch,
    ):
        super().__init__(board, command, timeout=timeout, devices=devices, watch=watch)
        self.driver = driver
        self._stopping: dict[Path, float] = {}
        """Run folders whose trainers were asked to stop, and when."""
        self._looked = 0.0

    def _sort(self, trials: Sequence[Trial]) -> None:
        for opened in self.driver.adopt():
            self._count(opened)
            self._enqueue(opened)
        self._advance()

    def _reap(self) -> None:
        """Those that were asked to stop end without a failure, so the pool does not see them."""
        self._reap_stopped()
        stopping = {slots: w for slots, w in self._active.items() if w.trial.folder in self._stopping}
        self._active = {slots: w for slots, w in self._active.items() if slots not in stopping}
        try:
            super()._reap()
        finally:
            self._active |= stopping

    def _note(self, trial: Trial, state: str) -> None:
        """A failure is the driver's to try again, and nobody else's."""

    def _fill(self) -> None:
        self._advance()
        super()._fill()
        if not self._active and not self.board.waiting:  # the last run has just ended in another process
            self._advance()

    def _advance(self) -> None:
        """Tell what is over, stop what is pruned, and ask for more while a worker has nothing to do."""
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
        """Conclude the trials of which no run is left, and take up again a run that a twin's pruning stopped."""
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
        """Queue what is not finished; a run that failed before gets another attempt with each trial that wants it."""
        ours = self._ours()
        waiting: list[Trial] = []
        for run in opened.runs:
            if run.folder not in ours and standing(run.folder).outcome not in ("done", "diverged"):
                reset_retries(run)
                waiting.append(run)
        self.board.waiting = (*self.board.waiting, *waiting)

    def _count(self, opened: Open) -> None:
        """Count the runs that the store has already: they are read."""
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
        """A stopped run keeps its folder as it is, without a failure, so that whoever wants it continues it."""
        for slots, worker in list(self._active.items()):
            since = self._stopping.get(worker.trial.folder)
            if since is not None and _gone(worker, since):
                worker.abandon()
                del self._active[slots], self._stopping[worker.trial.folder]
                self._slots.give_back(slots)
                self._show_running()

    def _ours(self) -> set[Path]:
        """Folders of the runs that this pool runs or is going to."""
        return {worker.trial.folder for worker in self._active.values()} | {
            run.folder for run in self.board.waiting
        }


def _gone(worker: Worker, since: float) -> bool:
    return worker.ended() or time.monotonic() - since > GRACE
