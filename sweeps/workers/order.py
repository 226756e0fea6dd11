"""One trial from its lease to its end, in this process: what the engines beyond this machine place somewhere.

Idempotent, because who places work cannot know what became of it: a trial that is over returns at once, one that another
process runs is left alone, and only the run folder says what happened.
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
"""Seconds between looks at the trainer."""
LOOK = 1.0
"""Seconds between looks at a lease of another process, and at what was asked of the sweep."""
HELD, STOPPED, AGAIN = "held", "stopped", "again"


@dataclass(frozen=True, kw_only=True)
class Order:
    """A trial as it is sent to where it will run."""

    trial: Trial
    command: tuple[str, ...]
    """What trains it."""
    timeout: float | None = None
    """Seconds that it may take; None for what its study says."""
    stale_after: float = STALE_AFTER
    """Seconds without a sign of life after which what another machine runs is taken over."""
    request: Callable[[], str] = no_request
    """What was last asked of its sweep, which may reach a job after its controller is gone."""


def outcome(trial: Trial) -> str | None:
    """How the trial ended, `held` where it runs, None where it is to run."""
    now = standing(trial.folder)
    if now.state == "running":
        return HELD
    return now.outcome if now.over() else None


def run_order(order: Order) -> str:
    """Run a trial unless it is over or runs elsewhere. Returns how it ended: done, diverged or failed, or else

    `held`: another process has the lease and shows life. `stopped`: this process or its sweep was asked to stop, and so was
    the trainer; nothing counts as failed and the trial continues from its last checkpoint when it is ordered again.
    `again`: it failed and its study has it tried again. Call from the main thread, which hears signals. Raises UserError where the disk is full.
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
            time.sleep(LOOK)  # long enough, and the watch gives its holder up


def _run(order: Order, stops: Stops) -> None:
    """Train under our lease. Whatever is raised here, the trainer ends and the lease with it."""
    trial = order.trial
    try:
        worker = Worker(trial, order.command, order.timeout)
    except LeaseLost:
        return  # somebody else has it
    except BaseException:
        give_back(trial)  # Ray's workers live on, and would seem to hold the lease
        raise
    stopped, looked = True, time.monotonic()
    try:
        while not (worker.ended() or stops.count):
            time.sleep(POLL)
            if time.monotonic() - looked >= LOOK:
                looked = time.monotonic()
                stops.count += order.request() == STOP
        stopped = stops.count > 0  # a cluster signals trainer and worker at once: that end is no failure
    finally:
        if stopped:
            _stop(worker, stops)
        else:
            worker.settle()


def _stop(worker: Worker, stops: Stops) -> None:
    """Ask the trainer to end, and see that it does."""
    limit = time.monotonic() + GRACE
    worker.signal(signal.SIGTERM)
    while worker.process.poll() is None and time.monotonic() < limit and stops.count < 2:
        time.sleep(POLL)
    worker.abandon()
