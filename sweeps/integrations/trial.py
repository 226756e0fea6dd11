"""`sweeps trial`: one trial of a plan by its name `arm:seed:cell`, as W&B agents start it.

It uses the ledger like any other trial: it does not run again if it is finished, and waits if another process runs it.
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
    """Return `arm:seed:cell`, with the cell, so that a name issued before a study changed is refused."""
    return f"{trial.arm}:{trial.seed}:{trial.cell}"


def find_trial(plan: Plan, word: str) -> Trial:
    """Return the trial that `arm:seed` or `arm:seed:cell` names, with or without a leading `trial=`.

    Raises UserError if there is none, or if the arm now composes to a different cell.
    """
    match = NAMED.fullmatch(word)
    if match is None:
        raise UserError(
            f"'{word}' is not a valid trial; write arm:seed, as in {PARAMETER}={plan.arms[0].name}:0"
        )
    arm, seed, cell = plan.arm(match[1]), int(match[2]), match[3]
    if seed not in arm.seeds:
        raise UserError(
            f"arm '{arm.name}' of {plan.title()} has no seed {seed}; its seeds are {', '.join(map(str, arm.seeds))}"
        )
    if cell not in (None, arm.cell):
        raise UserError(
            f"arm '{arm.name}' of {plan.title()} is cell {arm.cell} now, not {cell}: export the sweep again"
        )
    return next(trial for trial in plan.trials() if (trial.arm, trial.seed) == (arm.name, seed))


def run_trial(plan: Plan, word: str, tracking: str | None, options: RunOptions, console: Console) -> int:
    """Run the trial that `word` names; `tracking` replaces the study's mirror. Returns the same status as `sweeps run`.

    Raises UserError before any work if the input is invalid.
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
    """Return the trial with a different mirror of its logs, which is not part of its cell."""
    kept = [text for text in trial.overrides if not text.startswith(("tracking=", "tracking.mode="))]
    return replace(trial, overrides=(*kept, f"tracking={tracking}"))
