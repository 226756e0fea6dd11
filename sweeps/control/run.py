"""`sweeps run` and `sweeps work`: trains a study, alone or together with others; then what is done and what failed."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from sspo.errors import UserError
from sweeps.control.training import (
    RunOptions,
    check_options,
    conclude,
    interrupted,
    missing_of,
    placed,
    train,
)
from sweeps.ledger.lock import alone
from sweeps.ledger.store import check_store, refuse_foreign
from sweeps.monitor.requests import (
    RUN,
    STOP,
    control_folder,
    last_request,
    request_reader,
    typed,
    write_request,
)
from sweeps.plan.budget import check_budget
from sweeps.plan.manifest import former_sentence, is_current, write_manifest
from sweeps.plan.plan import Plan
from sweeps.plan.stale import refuse_stale
from sweeps.workers.worker import Command


def run_sweep(plan: Plan, options: RunOptions, console: Console, command: Command | None = None) -> int:
    """Run what is missing. Returns 0 if all is done, 1 if any trial failed, 130 after an interrupt.

    `command` makes the command line of a trial (default: `python -m sspo.train`). Raises UserError before any work
    where the options make no sense, finished runs are stale, the store cannot be written or another sweep of the study runs.
    """
    check_options(options)
    refuse_foreign(plan.store)
    trials = plan.trials()
    refuse_stale(trials, fresh=options.fresh)
    if missing_of(trials, retry_failed=False):
        from sweeps.control.restore import (  # imports pyarrow, which a finished study need not wait for
            REPORTS,
            restore_committed,
        )

        restore_committed(plan, REPORTS, console)
    missing = missing_of(trials, retry_failed=options.retry_failed)
    said = check_budget(plan, over_budget=options.over_budget) if missing else []
    for line in (former_sentence(plan), *said):
        if line is not None:
            console.print(Text(line), soft_wrap=True)
    if missing or not is_current(plan):
        check_store(plan.store, len(missing))
        remedy = f"join it with {typed(plan, 'work')}, or wait for it"
        with alone(control_folder(plan), f"sweep of {plan.title()}", remedy, options.watch()):
            write_request(plan, RUN)
            write_manifest(plan)
            finished = not missing or train(
                plan.study.name, trials, options, console, command, request_reader(plan)
            )
        if not finished:
            return interrupted(console)
        if options.detach:
            return placed(trials, console)
    return conclude(trials, console)


def run_work(plan: Plan, options: RunOptions, console: Console, command: Command | None = None) -> int:
    """Join a sweep: run what nobody runs, until nothing is left. Returns what `run_sweep` does.

    Raises UserError where no sweep of the study was started in the store, its spec has changed since, or it was stopped.
    """
    check_options(options)
    if not is_current(plan):
        raise UserError(
            f"there is no sweep of {plan.title()}, as its spec is now, in the store {plan.store} to join; start one with "
            f"{typed(plan, 'run')}"
        )
    if last_request(plan) == STOP:
        raise UserError(
            f"the sweep of {plan.title()} was stopped; {typed(plan, 'resume')} lets it go on, then join it"
        )
    trials = plan.trials()
    if missing_of(trials, retry_failed=False) and not train(
        plan.study.name, trials, options, console, command, request_reader(plan)
    ):
        return interrupted(console)
    return conclude(trials, console)
