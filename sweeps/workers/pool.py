"""The worker pool: keeps every slot busy until no trial is left, whatever happens to individual trials."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from sspo.runs.fence import LeaseLost
from sweeps.ledger.leases import Watch
from sweeps.ledger.state import attempts_folder, standing
from sweeps.monitor.board import Board, Running
from sweeps.monitor.requests import PAUSE, RUN, STOP
from sweeps.plan.devices import device_environment, processors, width
from sweeps.plan.plan import Trial
from sweeps.workers.attempts import acquire_trial
from sweeps.workers.signals import Stops
from sweeps.workers.slots import Need, Slots
from sweeps.workers.worker import GRACE, Command, Worker

POLL = 0.1
"""Seconds between checks of the workers."""
LOOK_AROUND = 1.0
"""Seconds between checks of external changes: control requests, trials of other processes, failed trials to retry."""


class Pool:
    """Runs trials in order on the board's slots. Call `run` once, from the main thread."""

    def __init__(
        self,
        board: Board,
        command: Command,
        *,
        timeout: float | None = None,
        devices: Sequence[str] = (),
        watch: Watch | None = None,
        request: Callable[[], str] = lambda: RUN,
    ):
        self.board = board
        self.command = command
        self.timeout = timeout
        self.devices = devices
        """CUDA devices, distributed over the workers; empty on a machine without any."""
        self.watch = watch or Watch()
        self.request = request
        """Returns the latest control request."""
        self.stops = Stops()
        """Stop signals: the first ends the sweep, the second stops waiting for its trials."""
        self._slots = slots_of(board.workers, devices)
        board.width = self._width
        self._active: dict[tuple[int, ...], Worker] = {}
        self._failed: set[Trial] = set()
        self._next_look = 0.0

    def run(self, trials: Sequence[Trial]) -> bool:
        """Run the trials that the ledger does not show as finished. Returns False if a signal or a request ended the sweep early."""
        self._sort(trials)
        with self.stops.heard():
            try:
                while self._busy() and not self.stops.count:
                    self._reap()
                    self._look_around()
                    time.sleep(POLL)
            finally:
                self._stop()
        return not self.stops.count

    def _sort(self, trials: Sequence[Trial]) -> None:
        """Count the finished trials and queue the rest."""
        waiting: list[Trial] = []
        for trial in trials:
            now = standing(trial.folder)
            if now.over():
                self._note(trial, now.state)
                self.board.count(trial, now)
            else:
                waiting.append(trial)
        self.board.waiting = tuple(waiting)

    def _busy(self) -> bool:
        """Return whether a trial runs or waits."""
        return bool(self._active or self.board.waiting)

    def _reap(self) -> None:
        for slots, worker in list(self._active.items()):
            if worker.ended():
                worker.settle()
                del self._active[slots]
                self._slots.give_back(slots)
                self._show_running()
                self._after(worker)
                self._next_look = 0.0

    def _after(self, worker: Worker) -> None:
        """Count an ended trial, or queue it again behind the others."""
        trial = worker.trial
        now = standing(trial.folder)
        if now.over():
            self._note(trial, now.state)
            self.board.settle(trial, now)
        else:
            self.board.queue_again(trial, worker.lost)

    def _look_around(self) -> None:
        """Check everything that requires reading the store, which is too slow for every poll."""
        now = time.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + LOOK_AROUND
        request = self.request()
        self.board.paused = request == PAUSE
        if request == STOP:
            self.stops.count += 1
            return
        self._readmit()
        if request == RUN:
            self._fill()

    def _readmit(self) -> None:
        """Queue failed trials that were reset for a retry."""
        for trial in sorted(self._failed, key=lambda trial: (trial.arm, trial.seed)):
            if not standing(trial.folder).over():
                self._failed.discard(trial)
                self.board.readmit(trial)

    def _fill(self) -> None:
        """Start trials in free slots; a trial that another process holds keeps waiting, or is counted when it is over."""
        elsewhere: dict[Trial, str] = {}
        while self._slots.free():
            waiting = [(trial, self._need(trial)) for trial in self.board.waiting]
            trial = self._slots.next(waiting, elsewhere)
            if trial is None:
                break
            now = standing(trial.folder)
            if now.over():
                self._note(trial, now.state)
                self.board.drop(trial)
                self.board.settle(trial, now)
            elif acquire_trial(trial, self.watch) is not None:
                elsewhere[trial] = now.host
            else:
                self.board.drop(trial)
                self._start(trial)
                self._show_running()
        self.board.elsewhere = tuple(
            (attempts_folder(trial.folder), host) for trial, host in elsewhere.items()
        )

    def _start(self, trial: Trial) -> None:
        slots = self._slots.take(self._need(trial))
        environment = device_environment(self.devices, slots if trial.here.devices else ())
        try:
            self._active[slots] = Worker(trial, self.command(trial), self.timeout, environment)
        except LeaseLost:
            self._slots.give_back(slots)
            self.board.queue_again(trial, lost=True)

    def _width(self, trial: Trial) -> int:
        return width(trial.here, self.devices)

    def _need(self, trial: Trial) -> Need:
        return Need(slots=self._width(trial), threads=trial.resources.threads)

    def _note(self, trial: Trial, state: str) -> None:
        if state == "failed":
            self._failed.add(trial)

    def _show_running(self) -> None:
        self.board.running = {
            slots[0]: Running(trial=worker.trial, started=worker.started, slots=slots)
            for slots, worker in self._active.items()
        }

    def _stop(self) -> None:
        """End the trials that still run: first with a stop signal, then by killing them. Trials that finish meanwhile keep their marker.

        Every step runs even if another raises; the exception propagates afterwards.
        """
        with ExitStack() as steps:  # callbacks run in reverse order
            steps.callback(self._show_running)
            steps.callback(self._active.clear)
            for worker in self._active.values():
                steps.callback(worker.abandon)
            steps.callback(self._wait)
            for worker in self._active.values():
                steps.callback(worker.signal, signal.SIGTERM)

    def _wait(self) -> None:
        """Wait for signaled trials to stop, up to the grace period."""
        limit = time.monotonic() + GRACE
        while any(not worker.ended() for worker in self._active.values()):
            if time.monotonic() > limit or self.stops.count > 1:
                break
            time.sleep(POLL)


def most_threads(workers: int, devices: Sequence[str]) -> int:
    """Return the total threads of concurrent trials: with devices, one per processor, but at least one per worker."""
    return max(workers, processors()) if devices else workers


def slots_of(workers: int, devices: Sequence[str]) -> Slots:
    """Return this many slots, distributed over the devices in turn if there are any."""
    return Slots(workers, devices=len(devices), threads=most_threads(workers, devices) if devices else None)
