"""`sweeps trial`: one trial of a study in this process, for schedulers that have no engine here."""

from __future__ import annotations

from rich.console import Console

from sspo.errors import UserError
from sweeps.board import name
from sweeps.engines.engine import Setup
from sweeps.one_trial import EXITS, run_order
from sweeps.plan import Plan
from sweeps.training import RunOptions, check_options
from sweeps.worker import Command, train_command


def run_trial(
    plan: Plan, arm: str, seed: int, options: RunOptions, console: Console, command: Command | None = None
) -> int:
    """Run one trial and say how it ended. Returns its exit status. Raises UserError where the plan has no such trial."""
    check_options(options)
    seeds = plan.arm(arm).seeds
    if seed not in seeds:
        valid = ", ".join(map(str, seeds))
        raise UserError(f"arm '{arm}' of {plan.title()} has no seed {seed}: valid: {valid}")
    trial = next(trial for trial in plan.trials() if (trial.arm, trial.seed) == (arm, seed))
    setup = Setup(
        study=plan.study.name,
        command=command or train_command(plan.study.name),
        workers=1,
        retry_failed=options.retry_failed,
        timeout=options.timeout,
    )
    end = run_order(setup.order(trial))
    console.print(f"{name(trial)}: {end}", highlight=False, markup=False)
    return EXITS[end]
