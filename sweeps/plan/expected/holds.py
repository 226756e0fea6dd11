"""Memory checks of a plan: whether its trials fit on a place, which devices would hold them, and what would lower their memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sspo.config import TrainConfig
from sspo.errors import UserError
from sspo.models.memory.engine import smaller_cache
from sspo.models.memory.estimate import Estimate
from sspo.models.memory.said import Expected as Said
from sspo.models.memory.said import gib
from sspo.models.memory.savings import largest_savings
from sweeps.plan.arms import PlannedArm
from sweeps.plan.expected.hours import precision_on
from sweeps.plan.expected.machine import CPU, Place, all_named, here
from sweeps.plan.expected.trials import Expected, expected_of, memory_of, shape_at
from sweeps.plan.plan import Plan, Trial


def largest(
    arms: Iterable[PlannedArm], place: Place, *, named: bool = True
) -> tuple[PlannedArm, Expected] | None:
    """Return the arm that takes the largest share of its place's memory; None if no estimate can be made."""
    found = [(arm, one) for arm in arms if (one := expected_of(arm, place, named=named)) is not None]
    return max(found, key=lambda pair: pair[1].memory.bytes / (pair[1].place.memory or 1), default=None)


SPARE = 0.1
"""Share of a device's memory reserved for CUDA contexts, vLLM graphs and fragmentation, which the estimate leaves out: no device
is suggested that the estimate alone would fill."""


def holding(arms: Sequence[PlannedArm], *, named: bool = True) -> list[Place]:
    """Return the devices of conf/planning/devices.yaml that hold a trial of every arm with memory to spare, smallest first."""
    places = []
    for place in all_named():
        most = largest(arms, place, named=named)
        if most is not None and most[1].memory.bytes <= (1 - SPARE) * (most[1].place.memory or 0):
            places.append(place)
    return places


def why_not_held(plan: Plan, arms: Sequence[PlannedArm], place: Place) -> str | None:
    """Return one sentence on the trial that does not fit, the devices that would hold it and the options that would lower its memory.

    None if all trials fit or no estimate can be made.
    """
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
    """Raise UserError if one of the trials to run here does not fit on this machine. Without an estimate, nothing is refused."""
    names = {trial.arm for trial in trials}
    arms = [arm for arm in plan.everyone if arm.name in names and not arm.remote]
    reason = why_not_held(plan, arms, here()) if arms else None
    if reason is not None:
        raise UserError(reason)


def _where(place: Place, requested: Place) -> str:
    if place.name == CPU:
        return (
            "this machine, which has no CUDA device,"
            if requested.name == CPU
            else "this machine's processors"
        )
    return place.name


def _lower(arm: PlannedArm, place: Place) -> str:
    shape = shape_at(arm.config.model.path)
    assert shape is not None, "an arm with an estimate has a shape"

    def memory(changed: TrainConfig) -> Estimate:
        return memory_of(shape, changed, place, arm.resources)

    more = smaller_cache(shape, arm.config, precision_on(place, arm.config))
    return Said(estimate=memory(arm.config), savings=largest_savings(arm.config, memory, more=more)).lower()
