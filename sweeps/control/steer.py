"""`sweeps pause|resume|stop|retry`: control a sweep from another terminal, on any machine that has access to the store."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from sspo.errors import UserError
from sweeps.ledger import leases
from sweeps.ledger.state import standing
from sweeps.monitor.requests import PAUSE, RUN, STOP, control_folder, last_request, typed, write_request
from sweeps.plan.manifest import manifest_path
from sweeps.plan.plan import Plan
from sweeps.workers.attempts import reset_retries

ANSWERS = {
    PAUSE: "paused: running trials finish and no further ones start until {resume}",
    RUN: "resumed: missing trials start as slots become free",
    STOP: "stopped: running trials stop, and continue with {run}",
}
NOT_RUNNING = "; none of its sweeps is running: start one with {run}, which ends a pause or a stop"


def steer(plan: Plan, word: str, console: Console) -> int:
    """Request every worker of the study's sweep to pause, resume or stop. Returns 0. Raises UserError if there is no sweep."""
    _refuse_unknown(plan)
    write_request(plan, word)
    text = ANSWERS[word] if _is_running(plan) else ANSWERS[word].split(":")[0] + NOT_RUNNING
    text = text.format(run=typed(plan, "run"), resume=typed(plan, "resume"))
    console.print(Text(text), soft_wrap=True)
    return 0


def retry(plan: Plan, arm: str | None, reason: str | None, console: Console) -> int:
    """Reset failed trials, optionally only those of an arm or a failure class, so that they are retried. Returns 0."""
    _refuse_unknown(plan)
    if arm is not None:
        plan.arm(arm)
    chosen = [
        trial
        for trial in plan.trials()
        if (now := standing(trial.folder)).outcome == "failed"
        and arm in (None, trial.arm)
        and reason in (None, now.reason)
    ]
    again = [trial for trial in chosen if reset_retries(trial)]
    console.print(
        Text(f"{len(again)} trials will be retried: {', '.join(trial.label for trial in again) or 'none'}"),
        soft_wrap=True,
    )
    if again and not (_is_running(plan) and last_request(plan) == RUN):
        console.print(Text(f"{typed(plan, 'run')} runs them"), soft_wrap=True)
    return 0


def _is_running(plan: Plan) -> bool:
    """Return whether a controller or a trial of the study appears to be alive."""
    if leases.holder(control_folder(plan)) is not None:
        return True
    trials = (*plan.trials(), *plan.pilot_trials())
    return any(standing(trial.folder).state == "running" for trial in trials)


def _refuse_unknown(plan: Plan) -> None:
    if not manifest_path(plan).is_file():
        raise UserError(
            f"no sweep of {plan.title()} was ever started in the store {plan.store}; start one with {typed(plan, 'run')}, or "
            "pass its store with --store"
        )
