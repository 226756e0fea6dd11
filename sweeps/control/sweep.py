"""`sweeps run` and `sweeps work`: train a study, alone or together with other processes, and print what is done and what failed.

The options, and the function that runs trials on an engine under a view, are shared with `sweeps replay`, searches and single
trials.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.text import Text

from sspo.errors import UserError
from sweeps.control.restore import REPORTS, restore_committed
from sweeps.engines.engine import Setup
from sweeps.engines.registry import DEFAULT_ENGINE, check_engine, open_engine
from sweeps.ledger.leases import HEARTBEAT, STALE_AFTER, Watch
from sweeps.ledger.lock import alone
from sweeps.ledger.state import standing
from sweeps.ledger.store import check_store, refuse_foreign
from sweeps.monitor.board import Board
from sweeps.monitor.live_view import View
from sweeps.monitor.requests import (
    RUN,
    STOP,
    control_folder,
    last_request,
    no_request,
    request_reader,
    typed,
    write_request,
)
from sweeps.plan.budget import check_budget
from sweeps.plan.expected.holds import refuse_what_does_not_fit
from sweeps.plan.manifest import former_sentence, is_current, ordered, write_manifest
from sweeps.plan.pace import Pace
from sweeps.plan.plan import Plan, Trial
from sweeps.plan.registered import refuse_unamended
from sweeps.plan.sampling import refuse_unsampled
from sweeps.plan.stale import refuse_stale
from sweeps.study.limits import Retries, with_retries
from sweeps.workers.attempts import reset_retries
from sweeps.workers.signals import INTERRUPTED
from sweeps.workers.worker import Command, train_command

LEAST_STALE = 2 * HEARTBEAT
"""Smallest `stale_after` in seconds: with less, a healthy trial could be taken over."""


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """How a sweep runs; none of these options affects its results."""

    workers: int | None = None
    """Number of concurrent trials; None for one per CUDA device, or one per processor if there are no devices."""
    retry_failed: bool = False
    fresh: bool = False
    """Run stale trials again: those finished by code with different numbers."""
    timeout: float | None = None
    """Seconds after which a trial is stopped and counted as failed; None for the study's limit."""
    over_budget: bool = False
    """Run although the preset's budget is estimated to be exceeded."""
    retries: str | None = None
    """Changes to the study's retries, as `killed=3,oom=1`."""
    stale_after: float = STALE_AFTER
    """Seconds without a heartbeat after which a trial of another machine is taken over."""
    engine: str = DEFAULT_ENGINE
    engine_options: Sequence[str] = ()
    """`key=value` words for the engine."""
    detach: bool = False
    """Whether to return once every trial is placed, if the engine runs them without this process."""

    def watch(self) -> Watch:
        """Return a new observer of other processes' leases."""
        return Watch(self.stale_after)


def check_options(options: RunOptions) -> None:
    """Raise UserError for the first invalid option."""
    if options.workers is not None and options.workers < 1:
        raise UserError(f"--workers must be at least 1, got {options.workers}")
    if options.timeout is not None and not options.timeout > 0:
        raise UserError(f"--timeout must be a positive number of seconds, got {options.timeout:g}")
    if options.stale_after < LEAST_STALE:
        raise UserError(
            f"--stale-after must be at least {LEAST_STALE:g} s, because a lease is touched every {HEARTBEAT:g} s, got "
            f"{options.stale_after:g}"
        )
    if options.retries is not None:
        with_retries(Retries(), options.retries)
    check_engine(options.engine, options.engine_options, detach=options.detach)


def missing_of(trials: Sequence[Trial], *, retry_failed: bool) -> list[Trial]:
    """Return the trials that are still to run."""
    return [trial for trial in trials if not standing(trial.folder).over(retry_failed=retry_failed)]


def train(
    study: str,
    trials: Sequence[Trial],
    options: RunOptions,
    console: Console,
    command: Command | None,
    request: Callable[[], str] = no_request,
) -> bool:
    """Run the missing trials under a view. Returns False if a signal or a request ended it early.

    Raises UserError for stale runs without `fresh`, for a trial that is too wide or whose sampling engine is missing, and for errors
    of the engine and the system.
    """
    refuse_stale(trials, fresh=options.fresh)
    refuse_unsampled(missing_of(trials, retry_failed=options.retry_failed))
    if options.retries is not None:
        trials = [replace(trial, retries=with_retries(trial.retries, options.retries)) for trial in trials]
    setup = Setup(
        study=study,
        command=command or train_command(study),
        workers=options.workers,
        timeout=options.timeout,
        detach=options.detach,
        watch=options.watch(),
        request=request,
    )
    try:
        with open_engine(options.engine, options.engine_options, setup, trials) as engine:
            if options.retry_failed:
                for trial in trials:
                    reset_retries(trial)
            board = Board(workers=engine.workers, pace=Pace())
            with View(board, console):
                return engine.run(trials, board)
    except OSError as error:
        raise UserError(
            f"the sweep stopped because of a system error: {error}; fix that and run it again to continue"
        ) from error


def interrupted(console: Console) -> int:
    """Print how to continue after an interrupt. Returns the exit status."""
    console.print("interrupted: run the same command again to continue", soft_wrap=True)
    return INTERRUPTED


def placed(trials: Sequence[Trial], console: Console) -> int:
    """Print how many trials were placed, and how to resume watching them. Returns the exit status."""
    left = len(missing_of(trials, retry_failed=False))
    text = f"{left} of {len(trials)} trials were placed; the same command without --detach watches them"
    console.print(text, soft_wrap=True, highlight=False)
    return 0


def conclude(trials: Sequence[Trial], console: Console) -> int:
    """Print how the trials ended. Returns 1 if any failed, else 0.

    A diverged run is a result: it was scored at its last finite checkpoint.
    """
    over = [(trial, now) for trial in trials if (now := standing(trial.folder)).state == "failed"]
    failed = [(trial, now) for trial, now in over if now.outcome == "failed"]
    diverged = len(over) - len(failed)
    counts = (
        f"{len(trials) - len(over)} of {len(trials)} trials done, {diverged} diverged, {len(failed)} failed"
    )
    console.print(counts, highlight=False)
    for trial, now in over:
        text = f"  {trial.label}: {now.reason}, {now.message} ({trial.folder})"
        console.print(text, soft_wrap=True, highlight=False, markup=False)
    if failed:
        console.print(
            "run again with --retry-failed (make: RETRY=1) to retry the failed trials", soft_wrap=True
        )
    return 1 if failed else 0


def run_sweep(
    plan: Plan,
    options: RunOptions,
    console: Console,
    command: Command | None = None,
    reports: Path = REPORTS,
) -> int:
    """Run the missing trials. Returns 0 if all are done, 1 if any failed, 130 after an interrupt.

    `command` makes the command line of a trial (default: `python -m sspo.train`); `reports` has the logs that finished runs are
    restored from. Raises UserError before any work if the options
    are invalid, finished runs are stale, a trial does not fit on this machine, the store cannot be written or another sweep of the
    study is running.
    """
    check_options(options)
    refuse_foreign(plan.store)
    refuse_unamended(plan)
    trials = plan.trials()
    refuse_stale(trials, fresh=options.fresh)
    if missing_of([*trials, *plan.pilot_trials()], retry_failed=False):
        restore_committed(plan, reports, console)
    missing = missing_of(trials, retry_failed=options.retry_failed)
    if options.engine == DEFAULT_ENGINE:  # other engines run trials elsewhere
        refuse_what_does_not_fit(plan, missing)
    refuse_unsampled(missing)
    budget = check_budget(plan, over_budget=options.over_budget) if missing else []
    for line in (former_sentence(plan), *budget):
        if line is not None:
            console.print(Text(line), soft_wrap=True)
    if missing or not is_current(plan):
        check_store(plan.store, len(missing))
        remedy = f"join it with {typed(plan, 'work')}, or wait for it"
        with alone(control_folder(plan), f"sweep of {plan.title()}", remedy, options.watch()):
            write_request(plan, RUN)
            write_manifest(plan)
            finished = not missing or train(
                plan.study.name, ordered(plan), options, console, command, request_reader(plan)
            )
        if not finished:
            return interrupted(console)
        if options.detach:
            return placed(trials, console)
    return conclude(trials, console)


def run_work(plan: Plan, options: RunOptions, console: Console, command: Command | None = None) -> int:
    """Join a sweep: run the trials that no other process runs, until none is left. Returns the same status as `run_sweep`.

    Raises UserError if no sweep of the study was started in the store, its spec has changed since, or it was stopped.
    """
    check_options(options)
    if not is_current(plan):
        raise UserError(
            f"the store {plan.store} has no sweep of {plan.title()} with its current spec to join; start one with "
            f"{typed(plan, 'run')}"
        )
    if last_request(plan) == STOP:
        raise UserError(
            f"the sweep of {plan.title()} was stopped; continue it with {typed(plan, 'resume')}, then join it"
        )
    refuse_unamended(plan)
    trials = ordered(plan)
    refuse_what_does_not_fit(plan, missing_of(trials, retry_failed=False))
    if missing_of(trials, retry_failed=False) and not train(
        plan.study.name, trials, options, console, command, request_reader(plan)
    ):
        return interrupted(console)
    return conclude(trials, console)
