"""Who runs next: keeps every worker busy until no trial is left, whatever happens to single ones."""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from contextlib import ExitStack

from sweeps.board import Board, Running
from sweeps.claims import CLAIM
from sweeps.devices import device_environment
from sweeps.ledger import standing
from sweeps.plan import Trial
from sweeps.stops import Stops
from sweeps.worker import GRACE, Command, Worker, claim_trial

POLL = 0.1
"""Seconds between looks at the workers."""


class Pool:
    """Runs trials in order on `board.workers` subprocesses at a time. Call `run` once, from the main thread."""

    def __init__(
        self,
        board: Board,
        command: Command,
        *,
        retry_failed: bool = False,
        timeout: float | None = None,
        devices: Sequence[str] = (),
    ):
        self.board = board
        self.command = command
        self.timeout = timeout
        self.retry_failed = retry_failed
        self.devices = devices
        """CUDA devices, dealt out to the workers; none on a machine without."""
        self.stops = Stops()
        """The first signal ends the sweep, the second one stops waiting for its trials."""
        self._active: dict[int, Worker] = {}
        self._retried: set[Trial] = set()

    def run(self, trials: Sequence[Trial]) -> bool:
        """Run what the ledger does not show as finished. False where a signal ended the sweep early."""
        self._sort(trials)
        with self.stops.heard():
            try:
                while (self._active or self.board.waiting) and not self.stops.count:
                    self._reap()
                    self._fill()
                    time.sleep(POLL)
            finally:
                self._stop()
        return not self.stops.count

    def _sort(self, trials: Sequence[Trial]) -> None:
        """Count what is finished and queue the rest; a failed trial is finished unless it is to be retried."""
        waiting: list[Trial] = []
        for trial in trials:
            now = standing(trial.folder)
            if now.over(retry_failed=self.retry_failed):
                self.board.count(trial, now)
            else:
                waiting.append(trial)
                if now.state == "failed":
                    self._retried.add(trial)
        self.board.waiting = tuple(waiting)

    def _reap(self) -> None:
        for slot, worker in list(self._active.items()):
            if worker.ended():
                worker.settle()
                del self._active[slot]
                self._show_running()
                self.board.settle(worker.trial, standing(worker.trial.folder))

    def _fill(self) -> None:
        """Start trials in free workers; what another process holds waits its turn, or is counted when it is over."""
        elsewhere = []
        for trial in self.board.waiting:
            free = [slot for slot in range(self.board.workers) if slot not in self._active]
            if not free:
                break
            now = standing(trial.folder)
            if now.over(retry_failed=trial in self._retried):
                self._drop(trial)
                self.board.settle(trial, now)
            elif now.state == "running" or claim_trial(trial) is not None:
                elsewhere.append(trial.folder / CLAIM)
            else:
                self._drop(trial)
                self._start(trial, free[0])
                self._show_running()
        self.board.elsewhere = tuple(elsewhere)

    def _start(self, trial: Trial, slot: int) -> None:
        environment = device_environment(self.devices, slot)
        self._active[slot] = Worker(trial, self.command(trial), self.timeout, environment)

    def _drop(self, trial: Trial) -> None:
        self.board.waiting = tuple(other for other in self.board.waiting if other != trial)

    def _show_running(self) -> None:
        self.board.running = {
            slot: Running(trial=worker.trial, started=worker.started) for slot, worker in self._active.items()
        }

    def _stop(self) -> None:
        """End what still runs: ask first, then kill. Trials that got to their end in the meantime keep their marker.

        Every step is taken even where another raises; what was raised goes on afterwards.
        """
        with ExitStack() as steps:  # the last one that is added is the first that is taken
            steps.callback(self._show_running)
            steps.callback(self._active.clear)
            for worker in self._active.values():
                steps.callback(worker.abandon)
            steps.callback(self._wait)
            for worker in self._active.values():
                steps.callback(worker.signal, signal.SIGTERM)

    def _wait(self) -> None:
        """Give trials that were asked to stop the time to do so."""
        limit = time.monotonic() + GRACE
        while any(worker.process.poll() is None for worker in self._active.values()):
            if time.monotonic() > limit or self.stops.count > 1:
                break
            time.sleep(POLL)
