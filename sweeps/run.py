"""`sweeps run`: lock, manifest, pool and view, in that order; then what is done and what failed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from sspo.errors import UserError
from sweeps.board import Board, name
from sweeps.claims import Claim, acquire, release
from sweeps.devices import default_workers, visible_devices
from sweeps.estimate import Pace
from sweeps.ledger import standing
from sweeps.manifest import is_current, manifest_path, stem, write_manifest
from sweeps.plan import Plan, Trial
from sweeps.pool import Pool
from sweeps.store import check_store
from sweeps.view import View
from sweeps.worker import Command, train_command

INTERRUPTED = 130


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """How a sweep runs; no part of what it finds."""

    workers: int | None = None
    """Trials at a time; None for one a CUDA device, or one a processor where there is none."""
    retry_failed: bool = False
    timeout: float | None = None
    """Seconds after which a trial is stopped and counted as failed; None for no limit."""


def run_sweep(plan: Plan, options: RunOptions, console: Console, command: Command | None = None) -> int:
    """Run what is missing. Returns 0 if all is done, 1 if any trial failed, 130 after an interrupt.

    `command` makes the command line of a trial (default: `python -m sspo.train`). Raises UserError before any work
    where the options make no sense, the store cannot be written or another sweep of the study runs.
    """
    _check(options)
    trials = plan.trials()
    missing = _missing(trials, options.retry_failed)
    if missing or not is_current(plan):
        check_store(plan.store, len(missing))
        with _only_sweep(plan):
            write_manifest(plan)
            finished = not missing or _run_pool(plan, trials, options, console, command)
        if not finished:
            console.print("interrupted: run the same command again to continue", soft_wrap=True)
            return INTERRUPTED
    return _conclude(trials, console)


def _check(options: RunOptions) -> None:
    if options.workers is not None and options.workers < 1:
        raise UserError(f"--workers must be at least 1, got {options.workers}")
    if options.timeout is not None and not options.timeout > 0:
        raise UserError(f"--timeout must be a positive number of seconds, got {options.timeout:g}")


def _missing(trials: list[Trial], retry_failed: bool) -> list[Trial]:
    return [trial for trial in trials if not standing(trial.folder).over(retry_failed=retry_failed)]


def _run_pool(
    plan: Plan, trials: list[Trial], options: RunOptions, console: Console, command: Command | None
) -> bool:
    devices = visible_devices()
    board = Board(workers=options.workers or default_workers(devices), pace=Pace())
    maker = command or train_command(plan.study.name, plan.store)
    pool = Pool(board, maker, retry_failed=options.retry_failed, timeout=options.timeout, devices=devices)
    try:
        with View(board, console):
            return pool.run(trials)
    except OSError as error:
        raise UserError(
            f"the sweep stopped because the system refused it something: {error}; mend that and run it again to continue"
        ) from error


@contextmanager
def _only_sweep(plan: Plan) -> Iterator[None]:
    """One controller a study, preset and store at a time."""
    lock = manifest_path(plan).with_name(f"{stem(plan)}.lock")
    other = _acquire(lock)
    if other is not None:
        raise UserError(
            f"another sweep of {plan.study.name} ({plan.preset}) runs in this store as process {other.pid} on {other.host}; "
            f"wait for it, or delete {lock} if that machine is gone"
        )
    try:
        yield
    finally:
        release(lock)


def _acquire(lock: Path) -> Claim | None:
    try:
        return acquire(lock)
    except OSError as error:
        raise UserError(
            f"cannot write {lock}: {error.strerror}; mend that, or give a writable folder with --store"
        ) from error


def _conclude(trials: list[Trial], console: Console) -> int:
    """Say what ended how. A diverged run is a result: it was scored at its last finite checkpoint."""
    over = [(trial, now) for trial in trials if (now := standing(trial.folder)).state == "failed"]
    failed = [(trial, now) for trial, now in over if now.outcome == "failed"]
    diverged = len(over) - len(failed)
    counts = (
        f"{len(trials) - len(over)} of {len(trials)} trials done, {diverged} diverged, {len(failed)} failed"
    )
    console.print(counts, highlight=False)
    for trial, now in over:
        text = f"  {name(trial)}: {now.reason}, {now.message} ({trial.folder})"
        console.print(text, soft_wrap=True, highlight=False, markup=False)
    if failed:
        console.print(
            "run again with --retry-failed (make: RETRY=1) to try the failed ones once more", soft_wrap=True
        )
    return 1 if failed else 0
