"""A plan beside its study's registration: what binds of it, and whether it is still that."""

from __future__ import annotations

from typing import Any

from analysis.registration.changes import differences
from analysis.registration.marks import minutes, without_claims
from analysis.registration.record import Registration, read_registration, runs_of
from sspo.errors import UserError
from sweeps.plan.plan import Plan
from sweeps.plan.promises import promised, promises
from sweeps.study.spec import DEFAULT_PRESET


def plan_content(plan: Plan) -> dict[str, Any]:
    """What of a plan binds, besides the claims."""
    return {
        **promised(promises(plan.study.head)),
        "spec_sha256": plan.study.sha256(),
        "arms": [
            {
                "name": arm.name,
                "cell": arm.cell,
                "role": arm.role,
                "seeds": list(arm.seeds),
                "against": arm.against,
                "copy_of": arm.copy_of,
                "target_clip_frac": arm.target_clip_frac,
            }
            for arm in plan.arms
        ],
    }


def registration_of(plan: Plan) -> Registration | None:
    """The study's registration, whichever preset it is of. Raises UserError for a damaged one."""
    return read_registration(plan.study.name, plan.registrations)


def carried_digests(plan: Plan, registration: Registration | None) -> dict[tuple[str, int], dict[str, Any]]:
    """By cell and seed, what a run that begins now carries of the registration; nothing of runs that it does not hold."""
    if registration is None:
        return {}
    said = {
        "registration": registration.digest,
        "registered": registration.time,
        "amendment": registration.amendments[-1].digest if registration.amendments else None,
    }
    held = set(runs_of(registration.latest, base=True))
    return {
        (arm.cell, seed): said
        for arm in plan.arms
        for seed in arm.seeds
        if registration.preset == plan.preset or (arm.cell, seed) in held
    }


def refuse_unamended(plan: Plan) -> None:
    """Raise UserError where a registered plan is another than its registration and its amendments say: it would run under a promise
    that it does not keep."""
    registration = registration_of(plan)
    if registration is None or registration.preset != plan.preset:
        return
    changed = differences(without_claims(registration.latest), plan_content(plan))
    if changed:
        raise UserError(
            f"{plan.title()} is not what it was registered as: {', '.join(changed)}; take that back, or amend the registration "
            f"with {register_command(plan)}, which every report will say"
        )


def register_command(plan: Plan, preset: str = "") -> str:
    """What registers a plan."""
    return f"`make register NAME={plan.study.name} PRESET={preset or plan.preset}`"


def registered_line(plan: Plan) -> str:
    """What `sweeps plan` says of it."""
    registration = registration_of(plan)
    if registration is None:
        default = f"`make register NAME={plan.study.name}`"
        command = register_command(plan) if plan.preset == DEFAULT_PRESET else default
        return f"not registered: its report will say exploratory ({command})"
    said = f"registered {registration.short}, {minutes(registration.time)}"
    if registration.preset != plan.preset:
        return f"not registered: of {plan.study.name}, preset {registration.preset} is {said}"
    amended = len(registration.amendments)
    changed = differences(without_claims(registration.latest), plan_content(plan))
    return (
        said
        + (f", amended {amended} time{'s' if amended > 1 else ''}" if amended else "")
        + (
            f"; not as registered: {', '.join(changed)} (amend it with {register_command(plan)})"
            if changed
            else ""
        )
    )
