"""Seconds of a trial on a device, from its work and the assumptions in conf/planning; docs/cost.md has the formulas in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sspo.config import TrainConfig
from sspo.config.backends.verl import VERL, tensor_parallel
from sspo.config.compatibility import backend_of
from sspo.models.memory.shape import Shape
from sspo.models.precision import chosen_precision
from sweeps.plan.expected.machine import Place
from sweeps.plan.expected.tables import Assumptions
from sweeps.plan.expected.work import Sampled, Work

GIGA, TERA = 1e9, 1e12


@dataclass(frozen=True, kw_only=True)
class Seconds:
    """Seconds of one trial, by activity."""

    sampling: float
    updates: float
    """Optimizer steps and forward passes over whole rollouts."""
    evaluation: float
    rest: float
    """Start, grading, weight sync, checkpoints and the host."""

    @property
    def total(self) -> float:
        """Return the sum of all parts."""
        return self.sampling + self.updates + self.evaluation + self.rest

    def scaled(self, factor: float) -> Seconds:
        """Return these seconds multiplied by a factor."""
        return Seconds(
            sampling=self.sampling * factor,
            updates=self.updates * factor,
            evaluation=self.evaluation * factor,
            rest=self.rest * factor,
        )


@dataclass(frozen=True, kw_only=True)
class Speed:
    """The rates that a trial reaches on its device."""

    operations: float
    """Operations per second."""
    bytes: float
    """Bytes per second."""
    step: float
    """Host seconds per decoding step."""
    start: float
    engine: float
    parallel: int = 1
    """Devices that a copy of an engine is spread over."""
    copies: int = 1
    """Copies of an engine, which share the answers."""
    trainers: int = 1
    """Devices that share the updates."""

    def spread(self, config: TrainConfig, devices: int) -> Speed:
        """Return the rates on several devices: an engine of ours is spread over them, and a verl job uses all for everything."""
        if backend_of(config) != VERL:
            return replace(self, parallel=devices)
        parallel = min(devices, tensor_parallel(config))
        return replace(self, parallel=parallel, copies=max(1, devices // parallel), trainers=devices)


def precision_on(place: Place, config: TrainConfig) -> str:
    """Return the precision of forward passes."""
    return chosen_precision(config.model.precision, "cuda" if place.cuda else "cpu")


def speed_of(place: Place, precision: str, assumed: Assumptions, *, threads: int) -> Speed | None:
    """Return the rates of one device, or of this many processors; None for a device whose speed is not in the table."""
    if not place.cuda:
        cpu = assumed.cpu
        return Speed(
            operations=cpu.core_gflops * GIGA * threads,
            bytes=cpu.core_gbs * GIGA * threads,
            step=cpu.step_seconds,
            start=cpu.start_seconds,
            engine=cpu.engine_seconds,
        )
    if place.device is None:
        return None
    cuda = assumed.cuda
    narrow = 1.0 if precision == "bfloat16" else cuda.float32_share
    return Speed(
        operations=place.device.tflops * TERA * cuda.flops_share * narrow,
        bytes=place.device.bandwidth_gbs * GIGA * cuda.bandwidth_share,
        step=cuda.step_seconds,
        start=cuda.start_seconds,
        engine=cuda.engine_seconds,
    )


def seconds_of(
    shape: Shape,
    config: TrainConfig,
    place: Place,
    assumed: Assumptions,
    *,
    sets: Sequence[int],
    threads: int = 1,
    devices: int = 1,
) -> Seconds | None:
    """Estimate the seconds of a trial on a place, with `threads` processors or `devices` CUDA devices. `sets` holds the number of
    questions of each held-out set. None for a device whose speed is not in the table."""
    precision = precision_on(place, config)
    speed = speed_of(place, precision, assumed, threads=threads)
    if speed is None:
        return None
    speed = speed.spread(config, devices) if place.cuda else speed
    work = Work(shape, config, assumed, sets=sets, precision=precision)
    rollouts = config.trainer.rollouts
    looking = work.look() * work.looks() / speed.operations
    updating = work.update() * config.trainer.epochs / speed.operations
    stepping = work.steps() * work.step_bytes() / speed.bytes
    host = assumed.rollout_seconds + work.sync_bytes() / speed.bytes
    return Seconds(
        sampling=sum(_sampling(work, speed, one) for one in work.rollouts()),
        updates=rollouts * (looking + updating + stepping) / speed.trainers,
        evaluation=sum(_sampling(work, speed, one) for one in work.evaluations()),
        rest=speed.start
        + (speed.engine if work.foreign else 0)
        + rollouts * host
        + work.checkpoint_bytes() / (assumed.disk_gbs * GIGA)
        + work.graded() * assumed.grading_seconds / config.reward.workers,
    )


def _sampling(work: Work, speed: Speed, sampled: Sampled) -> float:
    """Sum the time to read the prompts, the decoding steps at full width while answers wait, and those of the longest answer alone."""
    parallel = speed.parallel if work.foreign else 1
    sampled = replace(sampled, rows=sampled.rows / speed.copies, prompts=sampled.prompts / speed.copies)
    length, rows = work.answer(sampled.limit), work.at_once(sampled)

    def seconds(rows: float, context: float) -> float:
        step = work.step(rows, context)
        slower = max(step.operations / speed.operations, step.bytes / speed.bytes)
        return slower / parallel + speed.step

    reading = work.reading(sampled) / speed.operations / parallel
    together = sampled.rows * length / rows * seconds(rows, work.prompt + length / 2)
    alone = (sampled.limit - length) * seconds(1, work.prompt + (length + sampled.limit) / 2)
    return sampled.times * (reading + together + alone)
