"""Whether a place holds the trials of a plan, which devices would, and what would lower them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sspo.config import TrainConfig
from sspo.errors import UserError
from sspo.models.memory.engine import smaller_cache
from sspo.models.memory.estimate import Estimate
from sspo.models.memory.said import Expected as Said
from sspo.models.memory.said import gib
from sspo.models.memory.savings import largest_savings
from sweeps.plan.expected.hours import precision_on
from sweeps.plan.expected.machine import CPU, Place, all_named, here
from sweeps.plan.expected.trials import Expected, expected_of, memory_of, shape_at
from sweeps.plan.plan import Plan, PlannedArm, Trial


def largest(
    arms: Iterable[PlannedArm], place: Place, *, named: bool = True
) -> tuple[PlannedArm, Expected] | None:
    """The arm that takes most memory of what its place has; None where no estimate can be made."""
    found = [(arm, one) for arm in arms if (one := expected_of(arm, place, named=named)) is not None]
    return max(found, key=lambda pair: pair[1].memory.bytes / (pair[1].place.memory or 1), default=None)


SPARE = 0.1
"""Of a device's memory, what CUDA's contexts, vLLM's graphs and fragments may take beside the estimate: nobody is sent to buy a device
that the estimate fills to the brim."""


def holding(arms: Sequence[PlannedArm], *, named: bool = True) -> list[Place]:
    """Devices of conf/planning/devices.yaml that hold a trial of every arm with memory to spare, the smallest first."""
    places = []
    for place in all_named():
        most = largest(arms, place, named=named)
        if most is not None and most[1].memory.bytes <= (1 - SPARE) * (most[1].place.memory or 0):
            places.append(place)
    return places


def why_not_held(plan: Plan, arms: Sequence[PlannedArm], place: Place) -> str | None:
    """What does not fit, what would hold it and what would lower it, in one sentence; None where all fits or nothing can be told."""
    most = largest(arms, place, named=not plan.nameless)
    if most is None or most[1].fits:
        return None
    arm, expected = most
    would = ", ".join(one.name for one in holding(arms, named=not plan.nameless))
    lower = _lower(arm, expected.place)
    return (
        f"{plan.title()}: a trial of arm '{arm.name}' takes about {gib(expected.memory.bytes)} GiB, and {_where(expected.place, place)} "
        f"has {gib(expected.place.memory or 0)} GiB; "
        + (
            f"{would} would hold it (--on, make: ON=)"
            if would
            else "no device of conf/planning/devices.yaml would hold it"
        )
        + (f"; {lower}" if lower else "")
    )


def refuse_what_does_not_fit(plan: Plan, trials: Iterable[Trial]) -> None:
    """Raise UserError where this machine cannot hold one of the trials, which are to run here. Without an estimate nothing is refused."""
    names = {trial.arm for trial in trials}
    arms = [arm for arm in plan.arms if arm.name in names]
    reason = why_not_held(plan, arms, here()) if arms else None
    if reason is not None:
        raise UserError(reason)


def _where(place: Place, asked: Place) -> str:
    if place.name == CPU:
        return "this machine, which has no CUDA device," if asked.name == CPU else "this machine's processors"
    return place.name


def _lower(arm: PlannedArm, place: Place) -> str:
    shape = shape_at(arm.config.model.path)
    assert shape is not None, "what has an estimate has a shape"

    def asks(changed: TrainConfig) -> Estimate:
        return memory_of(shape, changed, place, arm.resources)

    more = smaller_cache(shape, arm.config, precision_on(place, arm.config))
    return Said(estimate=asks(arm.config), savings=largest_savings(arm.config, asks, more=more)).lower()
