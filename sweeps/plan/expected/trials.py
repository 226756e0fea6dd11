"""Memory and time of a plan's trials that have not run, for every arm whose model has a shape.

Embedded models are estimated from finished trials alone: they take seconds and are always available.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sspo.config import EMBEDDED_BASES, OWN_BACKEND, TrainConfig
from sspo.config.backends.verl import VERL
from sspo.config.compatibility import backend_of
from sspo.errors import NotHere
from sspo.models.memory.estimate import Estimate, estimate
from sspo.models.memory.shape import Shape
from sspo.questions.entries import entry
from sspo.questions.sets import SETS
from sspo.tasks import task_of
from sweeps.plan.arms import PlannedArm
from sweeps.plan.expected.hours import Seconds, precision_on, seconds_of
from sweeps.plan.expected.machine import Place, processors_here
from sweeps.plan.expected.shapes import shape_for
from sweeps.plan.expected.tables import tables
from sweeps.plan.plan import Plan
from sweeps.study.limits import Resources

COVERED = (OWN_BACKEND, VERL)
"""The backends whose work the cost model counts."""
shape_at = functools.cache(shape_for)
"""Cached, because a plan requests a model's shape once per arm and device."""


@dataclass(frozen=True, kw_only=True)
class Expected:
    """Memory and time of one trial on a place."""

    place: Place
    memory: Estimate
    seconds: Seconds | None
    """None for a device whose speed is not in the table."""

    @property
    def fits(self) -> bool:
        """Return whether the trial fits in the whole memory of the place; True if that is unknown."""
        return self.place.memory is None or self.memory.bytes <= self.place.memory


def is_predicted(config: TrainConfig) -> bool:
    """Return whether the cost model covers a run's model and its backend: it counts the work of our own trainer, and of verl's jobs."""
    return config.model.path not in EMBEDDED_BASES and backend_of(config) in COVERED


def without_shape(plan: Plan) -> list[str]:
    """Return the paths of models without a known shape, once each."""
    paths = dict.fromkeys(arm.config.model.path for arm in plan.arms if is_predicted(arm.config))
    return [path for path in paths if shape_at(path) is None]


def of_other_backends(plan: Plan) -> list[str]:
    """Return the arms whose memory would be estimated if our own trainer trained them."""
    arms = [arm for arm in plan.arms if arm.config.model.path not in EMBEDDED_BASES]
    return [arm.name for arm in arms if backend_of(arm.config) not in COVERED]


def of_jobs(plan: Plan) -> list[str]:
    """Return the arms that verl trains, whose estimates no run on a GPU has checked."""
    return [arm.name for arm in plan.arms if is_predicted(arm.config) and backend_of(arm.config) == VERL]


def expected_of(arm: PlannedArm, place: Place, *, named: bool = True) -> Expected | None:
    """Estimate a trial of an arm on a place. None for embedded models, models without a known shape, other backends, and jobs of a
    cluster unless the place is a CUDA device, as of its nodes."""
    if not is_predicted(arm.config) or (arm.remote and not place.cuda):
        return None
    return expected_on(arm.config, place, arm.resources, sets_of(arm.config, named=named))


def expected_on(
    config: TrainConfig, place: Place, resources: Resources, sets: Sequence[int]
) -> Expected | None:
    """Estimate a run on a place, or on this machine's processors if its run.device is cpu; None without a shape."""
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
    """Estimate a run's memory as the run itself does before it starts, except for its prompts, which are not read here."""
    prompt = min(tables().assumptions.longest_prompt, config.run.prompt_tokens)
    return estimate(
        shape,
        replace(config, run=replace(config.run, gpus=resources.per_node, nodes=resources.nodes)),
        prompt=prompt,
        precision=precision_on(place, config),
        device="cuda" if place.cuda else "cpu",
    )


def sets_of(config: TrainConfig, *, named: bool) -> list[int]:
    """Return the number of questions of each held-out set: from conf/planning/questions.yaml, else the size of the set, else
    evaluation.questions."""
    known, most = tables().questions, config.evaluation.questions
    return [known.get(name) or _size(config, name, named) or most for name in _names(config)]


def sizes_are_listed(config: TrainConfig) -> bool:
    """Return whether conf/planning/questions.yaml lists every held-out set."""
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
    except NotHere:  # a lock lists the set, but it is not on this machine
        return None
