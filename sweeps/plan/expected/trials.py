"""What the trials of a plan take that nobody has run yet: of every arm whose model has a shape, alike ones together.

Embedded models are judged by finished trials alone: they take seconds, and are here.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sspo.config import EMBEDDED_BASES, TrainConfig
from sspo.errors import NotHere
from sspo.models.memory.estimate import Estimate, estimate
from sspo.models.memory.shape import Shape
from sspo.questions.entries import entry
from sspo.questions.sets import SETS
from sspo.tasks import task_of
from sweeps.plan.expected.hours import Seconds, precision_on, seconds_of
from sweeps.plan.expected.machine import Place, processors_here
from sweeps.plan.expected.shapes import shape_for
from sweeps.plan.expected.tables import tables
from sweeps.plan.plan import Plan, PlannedArm
from sweeps.study.limits import Resources

shape_at = functools.cache(shape_for)
"""A plan asks for the shape of one model once an arm and device."""


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What one trial takes on a place."""

    place: Place
    memory: Estimate
    seconds: Seconds | None
    """None for a device whose speed no table has."""

    @property
    def fits(self) -> bool:
        """Whether the whole memory of the place, where it is known, holds it."""
        return self.place.memory is None or self.memory.bytes <= self.place.memory


def is_predicted(config: TrainConfig) -> bool:
    """Whether a run's model is one that the cost model is for."""
    return config.model.path not in EMBEDDED_BASES


def without_shape(plan: Plan) -> list[str]:
    """Paths of models of which nothing can be told, once each."""
    paths = dict.fromkeys(arm.config.model.path for arm in plan.arms if is_predicted(arm.config))
    return [path for path in paths if shape_at(path) is None]


def expected_of(arm: PlannedArm, place: Place, *, named: bool = True) -> Expected | None:
    """What a trial of an arm takes there. None for embedded models, and those whose shape nothing tells."""
    if not is_predicted(arm.config):
        return None
    return expected_on(arm.config, place, arm.resources, sets_of(arm.config, named=named))


def expected_on(
    config: TrainConfig, place: Place, resources: Resources, sets: Sequence[int]
) -> Expected | None:
    """What a run takes on a place, or on this machine's processors where it asks for them; None without a shape."""
    shape = shape_at(config.model.path)
    if shape is None:
        return None
    if config.run.device == "cpu" and place.cuda:
        place = processors_here()
    return Expected(
        place=place,
        memory=memory_of(shape, config, place, resources),
        seconds=seconds_of(
            shape,
            config,
            place,
            tables().assumptions,
            sets=sets,
            threads=resources.threads,
            devices=resources.devices,
        ),
    )


def memory_of(shape: Shape, config: TrainConfig, place: Place, resources: Resources) -> Estimate:
    """As a run says it of itself before it starts, but for its prompts, which are not read here."""
    prompt = min(tables().assumptions.longest_prompt, config.run.prompt_tokens)
    return estimate(
        shape,
        replace(config, run=replace(config.run, gpus=resources.devices)),
        prompt=prompt,
        precision=precision_on(place, config),
        device="cuda" if place.cuda else "cpu",
    )


def sets_of(config: TrainConfig, *, named: bool) -> list[int]:
    """Questions of each held-out set: from conf/planning/questions.yaml, else as many as the set has, else as many as are asked."""
    known, most = tables().questions, config.evaluation.questions
    return [known.get(name) or _size(config, name, named) or most for name in _names(config)]


def sizes_are_listed(config: TrainConfig) -> bool:
    """Whether conf/planning/questions.yaml has every held-out set."""
    return all(name in tables().questions for name in _names(config))


def _names(config: TrainConfig) -> list[str]:
    texts: Iterable[str] = config.task.eval or ((config.task.name,) if config.task.name in SETS else ())
    names = [entry(text, "task.eval").name for text in texts]
    return names or list(task_of(config).eval_sets)


def _size(config: TrainConfig, name: str, named: bool) -> int | None:
    if not named:
        return None
    try:
        return task_of(config).eval_size(name)
    except NotHere:  # a lock knows the set, and this machine does not have it
        return None
