"""`sweeps trial`: one trial of a plan by its name `arm:seed:cell`, as W&B's agents start it.

It runs through the ledger like any other: what is finished is not run again, what another process runs is waited for.
"""

from __future__ import annotations

import re
from dataclasses import replace

from rich.console import Console

from sspo.compose.hydra_compose import choices
from sspo.errors import UserError, unknown
from sweeps.control.sweep import RunOptions, check_options, conclude, interrupted, train
from sweeps.ledger.store import check_store
from sweeps.plan.manifest import ordered, write_manifest
from sweeps.plan.plan import Plan, Trial
from sweeps.plan.registered import refuse_unamended
from sweeps.plan.stale import refuse_stale

PARAMETER = "trial"
NAMED = re.compile(rf"(?:{PARAMETER}=)?([a-z][a-z0-9_]*):(\d+)(?::([0-9a-f]+))?")


def trial_name(trial: Trial) -> str:
    """`arm:seed:cell`: with the cell, so that a name that was given out before a study changed is refused."""
    return f"{trial.arm}:{trial.seed}:{trial.cell}"


def find_trial(plan: Plan, word: str) -> Trial:
    """The trial of the plan that `arm:seed` or `arm:seed:cell` names, with or without `trial=` before it.

    Raises UserError where there is none, or where the arm is another cell by now.
    """
    match = NAMED.fullmatch(word)
    if match is None:
        raise UserError(f"'{word}' names no trial; write arm:seed, as in {PARAMETER}={plan.arms[0].name}:0")
    arm, seed, cell = plan.arm(match[1]), int(match[2]), match[3]
    if seed not in arm.seeds:
        raise UserError(
            f"arm '{arm.name}' of {plan.title()} has no seed {seed}, but {', '.join(map(str, arm.seeds))}"
        )
    if cell not in (None, arm.cell):
        raise UserError(
            f"arm '{arm.name}' of {plan.title()} is cell {arm.cell} now, not {cell}: export the sweep again"
        )
    return next(trial for trial in plan.trials() if (trial.arm, trial.seed) == (arm.name, seed))


def run_trial(plan: Plan, word: str, tracking: str | None, options: RunOptions, console: Console) -> int:
    """Run the trial that `word` names; `tracking` replaces the mirror that its study wants. Returns as `sweeps run` does.

    Raises UserError before any work for what makes no sense.
    """
    check_options(options)
    refuse_unamended(plan)
    trial = find_trial(plan, word)
    if tracking is not None:
        if tracking not in choices("tracking"):
            raise unknown("tracking", tracking, choices("tracking"))
        trial = _mirrored(trial, tracking)
    refuse_stale([trial], fresh=options.fresh)
    check_store(plan.store, 1)
    write_manifest(plan)
    if not train(plan.study.name, ordered(plan, [trial]), options, console, None):
        return interrupted(console)
    return conclude([trial], console)


def _mirrored(trial: Trial, tracking: str) -> Trial:
    """The trial with another mirror of its logs, which is no part of its cell."""
    kept = [text for text in trial.overrides if not text.startswith(("tracking=", "tracking.mode="))]
    return replace(trial, overrides=(*kept, f"tracking={tracking}"))
