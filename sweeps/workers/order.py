"""One trial from its lease to its end, in this process: the unit of work that cluster engines place.

Idempotent, because an engine that places work cannot observe its result: a trial that is over returns at once, one that
another process runs is left alone, and only the run folder records what happened.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from sspo.runs.fence import LeaseLost
from sweeps.ledger.leases import STALE_AFTER, Watch, sign_of_life
from sweeps.ledger.state import standing
from sweeps.monitor.requests import STOP, no_request
from sweeps.plan.plan import Trial
from sweeps.workers.attempts import acquire_trial, attempts_folder, give_back
from sweeps.workers.signals import Stops
from sweeps.workers.worker import GRACE, Worker

POLL = 0.1
"""Seconds between checks of the trainer."""
LOOK = 1.0
"""Seconds between reads of another process's lease and of the control request."""
HELD, STOPPED, AGAIN = "held", "stopped", "again"


@dataclass(frozen=True, kw_only=True)
class Order:
    """A trial in the form in which it is sent to the machine that runs it."""

    trial: Trial
    command: tuple[str, ...]
    """The command line that trains it."""
    timeout: float | None = None
    """Time limit in seconds; None for the study's limit."""
    stale_after: float = STALE_AFTER
    """Seconds without a heartbeat after which a trial of another machine is taken over."""
    request: Callable[[], str] = no_request
    """Returns the latest control request of its sweep, which may reach a job after its controller is gone."""


def outcome(trial: Trial) -> str | None:
    """Return how the trial ended, `held` if it is running, None if it is to run."""
    now = standing(trial.folder)
    if now.state == "running":
        return HELD
    return now.outcome if now.over() else None


def run_order(order: Order) -> str:
    """Run a trial unless it is over or runs elsewhere. Returns how it ended: done, diverged or failed, or else:

    `held`: another process holds the lease and keeps its heartbeat. `stopped`: this process or its sweep received a stop request,
    and the trainer was stopped; nothing counts as failed, and the trial continues from its last checkpoint when it is ordered
    again. `again`: it failed and is to be retried. Call from the main thread, which receives signals. Raises UserError if the disk
    is full.
    """
    trial, watch, stops = order.trial, Watch(order.stale_after), Stops()
    first: tuple[int, ...] | None = None
    with stops.heard():
        while True:
            end = outcome(trial)
            if end is not None and end != HELD:
                return end
            stops.count += order.request() == STOP
            if stops.count:
                return STOPPED
            if acquire_trial(trial, watch) is None:
                _run(order, stops)
                return outcome(trial) or (STOPPED if stops.count else AGAIN)
            sign = sign_of_life(attempts_folder(trial.folder))
            first = first or sign
            if sign != first:
                return HELD
            time.sleep(LOOK)  # after enough of these, the watch declares the lease stale


def _run(order: Order, stops: Stops) -> None:
    """Train under this process's lease. If anything is raised here, the trainer and the lease end."""
    trial = order.trial
    try:
        worker = Worker(trial, order.command, order.timeout)
    except LeaseLost:
        return  # another process has it
    except BaseException:
        give_back(trial)  # Ray's worker processes live on and would appear to hold the lease
        raise
    stopped, looked = True, time.monotonic()
    try:
        while not (worker.ended() or stops.count):
            time.sleep(POLL)
            if time.monotonic() - looked >= LOOK:
                looked = time.monotonic()
                stops.count += order.request() == STOP
        stopped = (
            stops.count > 0
        )  # a cluster signals trainer and worker at once: such an end is not a failure
    finally:
        if stopped:
            _stop(worker, stops)
        else:
            worker.settle()


def _stop(worker: Worker, stops: Stops) -> None:
    """Signal the trainer to stop, and kill it if it does not."""
    limit = time.monotonic() + GRACE
    worker.signal(signal.SIGTERM)
    while worker.process.poll() is None and time.monotonic() < limit and stops.count < 2:
        time.sleep(POLL)
    worker.abandon()
