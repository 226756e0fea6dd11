"""A plan compared with its study's registration: the content that binds, and whether it still matches."""

from __future__ import annotations

from typing import Any

from analysis.registration.changes import differences
from analysis.registration.marks import minutes, without_claims
from analysis.registration.record import Registration, read_registration, runs_of
from sspo.errors import UserError
from sweeps.plan.plan import Plan
from sweeps.plan.promises import promised, promises
from sweeps.study.spec import DEFAULT_PRESET
from sweeps.study.tune import described


def plan_content(plan: Plan) -> dict[str, Any]:
    """Return the content of a plan that a registration binds, besides the claims."""
    return {
        **promised(promises(plan.study.head)),
        "spec_sha256": plan.study.sha256(),
        **_tuning_content(plan),
        "arms": [
            {
                "name": arm.name,
                "cell": arm.untuned_cell or arm.cell,
                "role": arm.role,
                "seeds": list(arm.seeds),
                "against": arm.against,
                "copy_of": arm.copy_of,
                "target_clip_frac": arm.target_clip_frac,
            }
            for arm in (*plan.arms, *plan.defaults)
        ],
    }


def _tuning_content(plan: Plan) -> dict[str, Any]:
    """Return how the points of the arms are chosen, which a registration fixes in place of the points."""
    tune = plan.study.tuning(plan.preset)
    if tune is None:
        return {}
    return {"tuning": {**tune.content(), "space": [described(parameter) for parameter in tune.space]}}


def registration_of(plan: Plan) -> Registration | None:
    """Return the study's registration, whichever preset it covers. Raises UserError for a damaged one."""
    return read_registration(plan.study.name, plan.registrations)


def carried_digests(plan: Plan, registration: Registration | None) -> dict[tuple[str, int], dict[str, Any]]:
    """Return the digests of the registration that a run started now carries, by cell and seed; none for runs that it does not cover."""
    if registration is None:
        return {}
    digests = {
        "registration": registration.digest,
        "registered": registration.time,
        "amendment": registration.amendments[-1].digest if registration.amendments else None,
    }
    held = set(runs_of(registration.latest, base=True))
    return {
        (arm.cell, seed): digests
        for arm in plan.everyone
        for seed in arm.seeds
        if registration.preset == plan.preset or (arm.cell, seed) in held
    }


def refuse_unamended(plan: Plan) -> None:
    """Raise UserError if a plan differs from its registration and amendments: it would run under a promise that it does not keep."""
    registration = registration_of(plan)
    if registration is None or registration.preset != plan.preset:
        return
    changed = differences(without_claims(registration.latest), plan_content(plan))
    if changed:
        raise UserError(
            f"{plan.title()} differs from its registration: {', '.join(changed)}; revert that, or amend the registration "
            f"with {register_command(plan)}, which every report will mention"
        )


def register_command(plan: Plan, preset: str = "") -> str:
    """Return the command that registers a plan."""
    return f"`make register NAME={plan.study.name} PRESET={preset or plan.preset}`"


def registered_line(plan: Plan) -> str:
    """Return the line of `sweeps plan` on the registration."""
    registration = registration_of(plan)
    if registration is None:
        default = f"`make register NAME={plan.study.name}`"
        command = register_command(plan) if plan.preset == DEFAULT_PRESET else default
        return f"not registered: its report will be labeled exploratory ({command})"
    words = f"registered {registration.short}, {minutes(registration.time)}"
    if registration.preset != plan.preset:
        return f"not registered: of {plan.study.name}, preset {registration.preset} is {words}"
    amended = len(registration.amendments)
    changed = differences(without_claims(registration.latest), plan_content(plan))
    return (
        words
        + (f", amended {amended} time{'s' if amended > 1 else ''}" if amended else "")
        + (
            f"; not as registered: {', '.join(changed)} (amend it with {register_command(plan)})"
            if changed
            else ""
        )
    )
