"""Pilot runs that tuning has yet to start, as far as they can be counted: what `sweeps plan` and a budget add to the runs that exist."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from sweeps.plan.arms import PlannedArm, pilot_name
from sweeps.plan.plan import Plan


def awaited(plan: Plan) -> Plan:
    """Return the plan with the pilots that are still to come, each at its arm's default, which stands for points that nobody knows yet.

    Nothing is added to a study without tuning, after tuning, and under a budget in hours, which says itself what tuning may cost.
    """
    return replace(plan, pilots=(*plan.pilots, *_to_come(plan))) if plan.untuned else plan


def _to_come(plan: Plan) -> Iterator[PlannedArm]:
    tune = plan.study.tuning(plan.preset)
    if tune is None or tune.head.budget.unit != "trials":
        return
    tuned = set(plan.study.tuned_arms(plan.preset))
    for arm in plan.arms:
        if arm.name not in tuned:
            continue
        known = plan.tuning.arms.get(arm.name) if plan.tuning else None
        begun, trials = 0, int(tune.head.budget.amount)
        if known is not None:
            begun, trials = (
                len(known.trials),
                trials if known.space else 1,
            )  # nothing to tune: its default alone
        for number in range(begun, trials):
            name = pilot_name(arm.name, number)
            cell = f"{arm.cell}.{number}" if arm.cell else ""
            yield replace(
                arm, name=name, cell=cell, role="arm", seeds=tune.head.seeds, recorded=(), against=None
            )
