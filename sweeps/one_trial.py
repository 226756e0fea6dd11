"""One trial from its claim to its marker, in this process: what the engines beyond this machine place somewhere.

Idempotent, because who places work cannot know what became of it: a trial that is over returns at once, one that another
process holds is left alone, and only the run folder says what happened.
"""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass

from sspo.runlog import DONE, FAILED, mark_failed
from sweeps.claims import CLAIM, release
from sweeps.ledger import standing
from sweeps.plan import Trial
from sweeps.stops import Stops
from sweeps.worker import GRACE, Worker, claim_trial

POLL = 0.1
"""Seconds between looks at the trainer."""
HELD, STOPPED = "held", "stopped"
EXITS = {"done": 0, "diverged": 0, "failed": 1, HELD: 3, STOPPED: 130}
"""Exit status of `sweeps trial` by outcome. A divergence is a result, as it is for a whole sweep."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """A trial as it is sent to where it will run."""

    trial: Trial
    command: tuple[str, ...]
    """What trains it."""
    timeout: float | None = None
    """Seconds that it may take; None for no limit."""
    retries: int | None = None
    """The failure that is to be tried once more, as `failure` names it. Any other failure is an end."""


def failure(trial: Trial) -> int | None:
    """The failure that a run folder records, named by the time of its marker, ns; None where it records none."""
    try:
        return (trial.folder / FAILED).stat().st_mtime_ns
    except (FileNotFoundError, NotADirectoryError):
        return None


def outcome(order: Order) -> str | None:
    """How the trial ended, `held` where it runs, None where it is to run."""
    now = standing(order.trial.folder)
    if now.state == "running":
        return HELD
    again = now.outcome == "failed" and failure(order.trial) == order.retries
    return now.outcome if now.over(retry_failed=again) else None


def run_order(order: Order) -> str:
    """Run a trial unless it is over or held. Returns a key of EXITS. Call from the main thread, which hears signals.

    `held`: another process has the claim. `stopped`: this process was asked to stop, and so was the trainer; nothing
    counts as failed and the trial continues from its last checkpoint when it is ordered again.
    """
    before = outcome(order)
    if before is not None:
        return before
    stops = Stops()
    with stops.heard():
        if claim_trial(order.trial) is not None:
            return HELD
        if _ended_meanwhile(order):
            release(order.trial.folder / CLAIM)
        else:
            _run(order, stops)
    return outcome(order) or STOPPED


def mark_lost(trial: Trial, reason: str, message: str, tail: str) -> None:
    """Record a failure for a worker that did not live to do so, unless the trial is held or done after all."""
    if claim_trial(trial) is not None:
        return
    try:
        if not (trial.folder / DONE).is_file():
            mark_failed(trial.folder, reason, message, tail)
    finally:
        release(trial.folder / CLAIM)


def _ended_meanwhile(order: Order) -> bool:
    """Whether another process ran the trial to its end between our look at it and our claim."""
    done = (order.trial.folder / DONE).is_file()
    return done or failure(order.trial) not in (None, order.retries)


def _run(order: Order, stops: Stops) -> None:
    """Train under our claim. Whatever is raised here, the trainer ends and the claim is given back."""
    try:
        worker = Worker(order.trial, order.command, order.timeout)
    except BaseException:
        # Ray's workers live on, and would keep the claim
        release(order.trial.folder / CLAIM)
        raise
    stopped = True
    try:
        while not (worker.ended() or stops.count):
            time.sleep(POLL)
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
