"""The attempts at a trial: its leases, in `attempts/` of its folder. They record who tried, how each attempt ended, and when to stop."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from sspo.errors import UserError
from sspo.runs import fence
from sspo.runs.carried import carry
from sspo.runs.fence import LeaseLost
from sspo.runs.runlog import DONE, FAILED, mark_failed, unmark_failed
from sweeps.ledger import leases
from sweeps.ledger.leases import Lease, Watch
from sweeps.ledger.state import attempts_folder, read_json
from sweeps.ledger.store import is_full
from sweeps.plan.plan import Trial
from sweeps.study.limits import CLASS_OF, FAILURES, LOST, Retries
from sweeps.workers.exits import no_space

__all__ = [
    "acquire_trial",
    "attempts_folder",
    "conclude_attempt",
    "current_attempt",
    "fail_lost",
    "give_back",
    "judged_since",
    "reset_retries",
]
VOID = "void"
"""The outcome of a lease that found its trial over."""


def acquire_trial(trial: Trial, watch: Watch | None = None) -> Lease | None:
    """Acquire a trial for this process. Returns None if this process may start it, else the lease that prevents it: another
    process's, or the last one if the trial is already over.

    `watch` records how long others' leases have been idle; without it, no lease of another machine is taken over.
    """
    folder = attempts_folder(trial.folder)
    own, before = leases.acquire(folder, watch or Watch())
    if own is None:
        return before
    try:
        with fence.under(leases.held(folder, own)):
            return _begin(trial, own, before)
    except LeaseLost:
        return leases.newest(folder) or own


def _begin(trial: Trial, own: Lease, before: Lease | None) -> Lease | None:
    """Conclude the previous attempt if necessary. Returns None if the trial is left to run, else the own lease, ended as void."""
    if before is not None and not before.outcome:
        _conclude_lost(trial, before)
    fence.check()
    os.utime(trial.folder)  # so that a network file system client drops its cache of missing files
    if any((trial.folder / marker).is_file() for marker in (DONE, FAILED)):
        leases.end(attempts_folder(trial.folder), own, VOID)
        return own
    if trial.carries:
        carry(trial.folder, json.loads(trial.carries))
    return None


def current_attempt(folder: Path) -> Lease:
    """Return the lease that this process holds on a run folder. Raises LeaseLost if it has none, or has lost it."""
    lease = leases.newest(attempts_folder(folder))
    if lease is None or not lease.own():
        raise LeaseLost(f"{folder} is not leased by this process")
    return lease


def conclude_attempt(trial: Trial, lease: Lease, reason: str, message: str, tail: str) -> None:
    """Record how an attempt ended: in a marker or, if the trial may be retried, in its lease alone.

    `reason` is empty if the trial's own marker counts. Raises UserError if the disk was full: that is not the trial's fault, so
    it is left as if interrupted. Raises LeaseLost if the trial was taken over.
    """
    folder, where = trial.folder, attempts_folder(trial.folder)
    if (folder / DONE).is_file():
        leases.end(where, lease, "done")
        return
    if not reason:
        reason, message, tail = _marked(folder)
    if reason in ("error", "killed") and (no_space(message) or no_space(tail) or is_full(trial.store)):
        unmark_failed(folder)
        leases.end(where, lease, "interrupted", message)
        raise UserError(
            f"the disk of the store {trial.store} is full: {trial.label} could not write; free some space "
            "and run the same command again to continue"
        )
    _decide(trial, lease, reason, message, tail)


def give_back(trial: Trial) -> None:
    """End this process's lease on a trial that could not be started; the trial counts as interrupted."""
    folder = attempts_folder(trial.folder)
    with suppress(LeaseLost):  # a lost lease needs no release
        own = current_attempt(trial.folder)
        with fence.under(leases.held(folder, own)):
            leases.end(folder, own, "interrupted")


def fail_lost(trial: Trial, watch: Watch, reason: str, message: str, tail: str) -> None:
    """Fail a trial whose workers vanished before any could record how it ended, unless it runs or is over after all."""
    folder = attempts_folder(trial.folder)
    if acquire_trial(trial, watch) is None:
        with suppress(LeaseLost):  # another process was faster and concludes it
            own = current_attempt(trial.folder)
            with fence.under(leases.held(folder, own)):
                mark_failed(trial.folder, reason, message, tail)
                leases.end(folder, own, reason, message)


def judged_since(trial: Trial, attempt: int) -> bool:
    """Return whether the last attempt came after number `attempt` and ended in a failure that the retry limits cover."""
    lease = leases.newest(attempts_folder(trial.folder))
    return lease is not None and lease.number > attempt and lease.outcome in FAILURES


def reset_retries(trial: Trial) -> bool:
    """Reset a failed trial so that it is retried from a clean count. Returns whether it had failed. A divergence is a result and
    stays."""
    failed = read_json(trial.folder / FAILED)
    if failed is None or failed.get("reason") == "diverged" or (trial.folder / DONE).is_file():
        return False
    leases.reset_retries(attempts_folder(trial.folder))
    unmark_failed(trial.folder)
    return True


def _conclude_lost(trial: Trial, lease: Lease) -> None:
    """Conclude an attempt whose end was not recorded: its trial may have left a marker, else its worker vanished."""
    where = attempts_folder(trial.folder)
    if (trial.folder / DONE).is_file():
        leases.end(where, lease, "done")
    elif (trial.folder / FAILED).is_file():
        _decide(trial, lease, *_marked(trial.folder))
    else:
        _decide(
            trial,
            lease,
            LOST,
            f"its worker, process {lease.pid}, vanished",
            "",
        )


def _decide(trial: Trial, lease: Lease, outcome: str, message: str, tail: str) -> None:
    """Fail the trial permanently, or leave it to be retried."""
    folder, where = trial.folder, attempts_folder(trial.folder)
    earlier = [attempt for attempt in leases.leases(where) if attempt.number < lease.number]
    ended = Lease(number=lease.number, outcome=outcome)
    if _may_try_again(trial.retries, outcome, [*earlier, ended]):
        unmark_failed(folder)
    elif (read_json(folder / FAILED) or {}).get("reason") != outcome:
        mark_failed(folder, CLASS_OF.get(outcome, outcome), message, tail)
    leases.end(where, lease, outcome, message)


def _may_try_again(retries: Retries, outcome: str, attempts: Sequence[Lease]) -> bool:
    """Return whether the limits allow one more attempt after `attempts`, the last of which ended in `outcome`."""
    limit: int | None = asdict(retries).get(outcome)
    if limit is None:
        return False
    return sum(lease.outcome == outcome and not lease.forgiven for lease in attempts) <= limit


def _marked(folder: Path) -> tuple[str, str, str]:
    failed = read_json(folder / FAILED) or {}
    reason, message = str(failed.get("reason", "error")), str(failed.get("message", ""))
    return reason, message, str(failed.get("log_tail", ""))
