"""Who runs next: keeps every worker busy until no trial is left, whatever happens to single ones."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sweeps.board import Board, Running
from sweeps.claims import CLAIM
from sweeps.ledger import Standing, standing
from sweeps.plan import Trial
from sweeps.worker import GRACE, Command, Worker, claim_trial

POLL = 0.1
"""Seconds between looks at the workers."""
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Pool:
    """Runs trials in order on `board.workers` subprocesses at a time. Call `run` once, from the main thread."""

    def __init__(
        self, board: Board, command: Command, *, retry_failed: bool = False, timeout: float | None = None
    ):
        self.board = board
        self.command = command
        self.timeout = timeout
        self.retry_failed = retry_failed
        self.stops = 0
        """Signals to stop that have arrived; the second one stops waiting."""
        self._active: dict[int, Worker] = {}
        self._retried: set[Trial] = set()

    def run(self, trials: Sequence[Trial]) -> bool:
        """Run what the ledger does not show as finished. False where a signal ended the sweep early."""
        self._sort(trials)
        with self._stopped_by_signals():
            try:
                while (self._active or self.board.waiting) and not self.stops:
                    self._reap()
                    self._fill()
                    time.sleep(POLL)
            finally:
                self._stop()
        return not self.stops

    def _sort(self, trials: Sequence[Trial]) -> None:
        """Count what is finished and queue the rest; a failed trial is finished unless it is to be retried."""
        waiting: list[Trial] = []
        for trial in trials:
            now = standing(trial.folder)
            if now.state == "done":
                self.board.done += 1
                self.board.pace = self.board.pace.with_trial(trial, now.seconds)
            elif now.state == "failed" and not self.retry_failed:
                self.board.failed += 1
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
            if self._is_over(trial, now):
                self._drop(trial)
                self.board.settle(trial, now)
            elif now.state == "running" or claim_trial(trial) is not None:
                elsewhere.append(trial.folder / CLAIM)
            else:
                self._drop(trial)
                self._active[free[0]] = Worker(trial, self.command(trial), self.timeout)
                self._show_running()
        self.board.elsewhere = tuple(elsewhere)

    def _is_over(self, trial: Trial, now: Standing) -> bool:
        return now.state == "done" or (now.state == "failed" and trial not in self._retried)

    def _drop(self, trial: Trial) -> None:
        self.board.waiting = tuple(other for other in self.board.waiting if other != trial)

    def _show_running(self) -> None:
        self.board.running = {
            slot: Running(trial=worker.trial, started=worker.started) for slot, worker in self._active.items()
        }

    def _stop(self) -> None:
        """End what still runs: ask first, then kill. Trials that got to their end in the meantime keep their marker."""
        for worker in self._active.values():
            worker.signal(signal.SIGTERM)
        limit = time.monotonic() + GRACE
        while any(worker.process.poll() is None for worker in self._active.values()):
            if time.monotonic() > limit or self.stops > 1:
                break
            time.sleep(POLL)
        for worker in self._active.values():
            worker.abandon()
        self._active.clear()
        self._show_running()

    @contextmanager
    def _stopped_by_signals(self) -> Iterator[None]:
        """Count signals instead of raising: an exception between two statements could lose a worker."""

        def count(number: int, frame: object) -> None:
            self.stops += 1

        heard = [
            number for number in STOP_SIGNALS if signal.getsignal(number) != signal.SIG_IGN
        ]  # nohup means it
        before = {number: signal.signal(number, count) for number in heard}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
