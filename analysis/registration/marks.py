"""Sentences on the registration for a report's header and captions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from analysis.logs.manifest import Study
from analysis.registration.changes import differences, dropped_arms, span
from analysis.registration.looks import Look
from analysis.registration.record import Plan, Registration, runs_of

NAMED = 4
"""Runs or arms that a sentence names before it counts the others."""
HOLDS_NOT = "the levels here do not hold"


def minutes(time: str) -> str:
    """Format a time for people."""
    return time[:16].replace("T", " ") + " UTC"


def head(registration: Registration) -> str:
    """Return the sentence with the time and digest of the registration."""
    return f"Registered {minutes(registration.time)} (digest {registration.short}), before the first run."


def amendments(registration: Registration, study: Study) -> Iterator[str]:
    """Yield the amendments, and the differences from the registration that no amendment covers."""
    for one in registration.amendments:
        what = "after results" if one.after_results else "before any result"
        held = ""
        if one.after_results and any(change.startswith("seed") for change in one.changes):
            held = " Levels are those of the plan before it, and hold only for that plan."
        yield f"Amended {what} ({one.time[:10]}): {', '.join(one.changes)}.{held}"
    if registration.preset == study.preset:
        unsaid = differences(without_claims(registration.latest), plan_of(study))
        if unsaid:
            yield f"Differs from the registration without an amendment: {', '.join(unsaid)}."


def former(registration: Registration | None, study: Study, manifest: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence on arms and seeds that the study no longer has."""
    names: dict[str, set[int]] = {}
    for arm in manifest.get("former_arms") or ():
        names.setdefault(str(arm["name"]), set()).update(map(int, arm["seeds"]))
    if registration is not None and registration.preset == study.preset:
        plans = (registration.plan, *(one.plan for one in registration.amendments))
        for plan in plans:
            for name, seeds in dropped_arms(plan, plan_of(study)).items():
                names.setdefault(name, set()).update(seeds)
    if names:
        said = [f"{name} (seed{'s' if len(of) > 1 else ''} {span(list(of))})" for name, of in names.items()]
        yield f"Former arms: {', '.join(said)}; their runs are kept, but enter none of the numbers here."


def unplanned(looks: Sequence[Look], end: int) -> Iterator[str]:
    """Yield one sentence per unplanned look, in the order in which they were taken."""
    for look in looks:
        if not look.planned:
            yield (f"Unplanned look at {look.seeds} of {end} seeds on {minutes(look.time)}: {HOLDS_NOT}.")


def strangers(runs: Sequence[Mapping[str, Any]], registration: Registration, total: int) -> str:
    """Return the sentence on runs that do not carry the registration."""
    named = ", ".join(f"{run['arm']} seed {run['seed']}" for run in runs[:NAMED])
    rest = f" and {len(runs) - NAMED} more" if len(runs) > NAMED else ""
    word = "carries" if len(runs) == 1 else "carry"
    return (
        f"Exploratory: {len(runs)} of {total} runs {word} a registration other than {registration.short}, or none: "
        f"{named}{rest}."
    )


def failures(runs: Sequence[Mapping[str, Any]], total: int) -> Iterator[str]:
    """Yield a sentence on runs that ended without a result."""
    lost = sum(run["status"] not in ("done", "diverged") for run in runs)
    if lost:
        yield f"{lost} of {total} runs failed or cannot be read, and {'is' if lost == 1 else 'are'} excluded from all tests."


def plan_of(study: Study) -> Plan:
    """Return the part of a plan that a manifest records. Labels and overrides of arms are not compared: cells are."""
    return {
        "test": study.test,
        "primary": {"mode": study.mode, "temperature": study.temperature},
        "smallest_effect": study.smallest_effect,
        "baseline": study.baseline,
        "gates": dict(study.gates),
        "looks": list(study.looks),
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
            for arm in study.arms
        ],
    }


def without_claims(plan: Plan) -> Plan:
    """Return the plan without its claims, which a manifest does not record."""
    return {key: value for key, value in plan.items() if key != "claims"}


def shares(registration: Registration, study: Study) -> bool:
    """Return whether the study, under a different preset, has runs of the registered one."""
    registered = set(runs_of(registration.plan)) | set(runs_of(registration.latest))
    return bool(registered & set(runs_of(plan_of(study))))
