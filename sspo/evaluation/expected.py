"""The expected memory of a command with its prompts; see models/memory."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping

from sspo.config import OWN_BACKEND, TrainConfig
from sspo.config.backends.verl import VERL, devices_of
from sspo.config.compatibility import backend_of
from sspo.evaluation.fits import held_out, most_asked
from sspo.models.checks import check_folder
from sspo.models.device import resolve_device, resolve_precision
from sspo.models.encoding import open_encoder
from sspo.models.folder import whole_model
from sspo.models.memory.engine import smaller_cache
from sspo.models.memory.estimate import Estimate, estimate
from sspo.models.memory.machine import Room, room_of
from sspo.models.memory.said import Expected
from sspo.models.memory.savings import largest_savings
from sspo.models.memory.shape import NoShape, read_shape
from sspo.models.memory.sharded import per_device
from sspo.tasks import Task, task_of
from sspo.types import Problem

OF_OUR_TRAINER = "counted as for our own trainer, and this backend may take more or less"
"""What the line on memory adds for a run of another backend."""
LOOKED_AT = 64
"""Number of prompts whose lengths are counted."""


def expected_of(
    config: TrainConfig, *, trains: bool = True, names: Mapping[str, str] | None = None
) -> Expected:
    """Return the expectation for a training, or for an evaluation alone; with only those memory settings that are in
    `names`, if given.

    Raises UserError for a folder that cannot be trained, and for questions that cannot be read.
    """
    path = config.model.path
    folder = whole_model(path)
    check_folder(path, folder)
    shape = read_shape(path, folder)
    if isinstance(shape, NoShape):
        return Expected(estimate=shape)
    prompt = _longest(config, task_of(config))
    device = resolve_device(config.run.device)
    precision = resolve_precision(config.model.precision, device)

    def asks(changed: TrainConfig) -> Estimate:
        return estimate(shape, changed, prompt=prompt, precision=precision, trains=trains, device=device.type)

    return Expected(
        estimate=asks(config),
        savings=largest_savings(
            config, asks, None if names is None else list(names), smaller_cache(shape, config, precision)
        ),
        names=names,
        remark=_remark(config) if trains else "",
    )


def _remark(config: TrainConfig) -> str:
    """Return what an estimate of another backend than ours leaves out; empty for ours."""
    backend = backend_of(config)
    if backend == VERL:
        return per_device(devices_of(config))
    return "" if backend == OWN_BACKEND else OF_OUR_TRAINER


def room_here(config: TrainConfig) -> Room | None:
    """Return the memory of the device that a configuration runs on; None for one that a job takes on a cluster."""
    if config.run.ray_address is not None and backend_of(config) == VERL:
        return None
    return room_of(resolve_device(config.run.device).type)


def _longest(config: TrainConfig, task: Task) -> int:
    """Return the number of tokens of the longest of a few prompts."""
    encoder = open_encoder(config.model.path, config.prompt)
    looked_at = itertools.islice(_prompts(config, task), LOOKED_AT)
    return max((len(encoder.ids(problem.prompt)) for problem in looked_at), default=1)


def _prompts(config: TrainConfig, task: Task) -> Iterable[Problem]:
    if config.trainer.rollouts:
        yield from task.train_problems(config.seed, 0, config.rollout.prompts)
    yield from held_out(task, most_asked(config.evaluation))
