"""`sweeps run`: lock, manifest, pool and view, in that order; then what is done and what failed."""

from __future__ import annotations

from rich.console import Console

from sweeps.lock import alone
from sweeps.manifest import is_current, manifest_path, stem, write_manifest
from sweeps.plan import Plan
from sweeps.store import check_store
from sweeps.training import RunOptions, check_options, conclude, interrupted, missing_of, placed, train
from sweeps.worker import Command


def run_sweep(plan: Plan, options: RunOptions, console: Console, command: Command | None = None) -> int:
    """Run what is missing. Returns 0 if all is done, 1 if any trial failed, 130 after an interrupt.

    `command` makes the command line of a trial (default: `python -m sspo.train`). Raises UserError before any work
    where the options make no sense, the store cannot be written or another sweep of the study runs.
    """
    check_options(options)
    trials = plan.trials()
    missing = missing_of(trials, retry_failed=options.retry_failed)
    if missing or not is_current(plan):
        check_store(plan.store, len(missing))
        lock = manifest_path(plan).with_name(f"{stem(plan)}.lock")
        with alone(lock, f"sweep of {plan.title()}"):
            write_manifest(plan)
            finished = not missing or train(plan.study.name, trials, options, console, command)
        if not finished:
            return interrupted(console)
        if options.detach:
            return placed(trials, console)
    return conclude(trials, console)
