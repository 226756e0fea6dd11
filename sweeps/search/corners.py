"""The ends of every range, composed before any work: a space with invalid corners is refused, and so is a parameter that
changes nothing.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence

from sspo.config import TrainConfig
from sspo.errors import NoEffect, UserError
from sweeps.plan.sampling import why_not_run
from sweeps.search.cells import cell_at
from sweeps.search.space import rendered
from sweeps.search.spec import Search
from sweeps.study.space.domain import Choices, Parameter, Point, Value, active, walk
from sweeps.study.space.method import HELD_OUT, ROLLOUT

MOST = 64
"""Maximum number of corners for a full product; a larger space is checked with each end of each range, while all other
parameters are at their lowest or highest end."""


def check_corners(search: Search, preset: str) -> int:
    """Compose the corners and the initial points. Returns how many. Raises UserError for the first that is refused."""
    corners = [*corners_of(search.space), *search.points]
    for corner in corners:
        config = _compose(search, preset, corner)
        _check_measured(search, config)
        _check_sampled(search, config)
    for parameter in search.space:
        if not any(_matters(search, preset, parameter, corner) for corner in corners):
            raise UserError(
                f"{search.name}: space.{parameter.key} changes nothing at any corner of the space: no run depends on it; "
                "leave it out, or change the options that disable it"
            )
    return len(corners)


def without_effect(search: Search, preset: str) -> tuple[str, ...]:
    """Return the parameters that change nothing at any corner, either because cells are the same or because a different value is refused
    as one without effect."""
    return tuple(one.key for one in search.space if not _acts(search, preset, one))


def _acts(search: Search, preset: str, parameter: Parameter) -> bool:
    """Return whether some value of the parameter makes a difference, or is refused for a different reason; True if there is no telling."""
    rest = [other for other in search.space if other is not parameter]
    composed = False
    for corner in ({}, *corners_of(rest)):
        try:
            here = cell_at(search, preset, corner).name
        except UserError:
            continue
        composed = True
        if active(parameter, corner) and _acts_at(search, preset, parameter, corner, here):
            return True
    return not composed


def _acts_at(search: Search, preset: str, parameter: Parameter, corner: Point, here: str) -> bool:
    """Return whether the ends of a parameter differ at a corner of the others, which is the cell `here` without it."""
    names = set()
    for end in _ends(parameter):
        try:
            names.add(cell_at(search, preset, {**corner, parameter.key: end}).name)
        except UserError as error:
            if not _idle(parameter, error):
                return True
            names.add(here)
    return len(names) > 1


def _idle(parameter: Parameter, refusal: UserError) -> bool:
    """Return whether a refusal says that nothing uses an option that the parameter sets."""
    if not isinstance(refusal, NoEffect):
        return False
    own = parameter.scales or (parameter.key, *parameter.also)
    return any(key == refusal.key or key.startswith(f"{refusal.key}.") for key in own)


def _compose(search: Search, preset: str, point: Point) -> TrainConfig:
    try:
        return cell_at(search, preset, point).config
    except UserError as error:
        where = " ".join(f"{key}={rendered(value)}" for key, value in point.items())
        raise UserError(f"{search.name}, at {where}: {error}") from error


def corners_of(space: Sequence[Parameter]) -> Iterator[Point]:
    """Yield the corners of a space, each once."""
    ends = {parameter.key: _ends(parameter) for parameter in space}
    if math.prod(map(len, ends.values())) <= MOST:
        chosen: Iterator[Mapping[str, Value]] = (
            dict(zip(ends, values, strict=True)) for values in itertools.product(*ends.values())
        )
    else:
        chosen = _one_at_a_time(ends)
    seen: list[Point] = []
    for values in chosen:
        point = walk(space, lambda parameter, values=values: values[parameter.key])  # type: ignore[misc]
        if point not in seen:
            seen.append(point)
            yield point


def _one_at_a_time(ends: Mapping[str, tuple[Value, ...]]) -> Iterator[Mapping[str, Value]]:
    for side in (0, -1):
        rest = {key: values[side] for key, values in ends.items()}
        for key, values in ends.items():
            for value in values:
                yield {**rest, key: value}


def _ends(parameter: Parameter) -> tuple[Value, ...]:
    domain = parameter.domain
    return domain.choices if isinstance(domain, Choices) else (domain.low, domain.high)


def _matters(search: Search, preset: str, parameter: Parameter, corner: Point) -> bool:
    """Return whether a different value of the parameter gives a different cell."""
    if parameter.key not in corner:
        return False
    here = cell_at(search, preset, corner).name
    for value in _ends(parameter):
        there = {**corner, parameter.key: value}
        point = walk(search.space, lambda other, there=there: there.get(other.key, _ends(other)[0]))  # type: ignore[misc]
        if cell_at(search, preset, point).name != here:
            return True
    return False


def _check_sampled(search: Search, config: TrainConfig) -> None:
    reason = why_not_run(config)
    if reason is not None:
        raise UserError(f"{search.name}: {reason}")


def _check_measured(search: Search, config: TrainConfig) -> None:
    """Check that trials can be scored and pruned; otherwise a search would train for hours before it fails."""
    primary, evaluation = search.head.primary, config.evaluation
    if primary.mode == "sampled" and primary.temperature not in evaluation.temperatures:
        raise UserError(
            f"{search.name}: primary.temperature is {primary.temperature:g}, but evaluation.temperatures holds only "
            f"{', '.join(f'{value:g}' for value in evaluation.temperatures)}; add it there or change the primary"
        )
    if config.trainer.rollouts < 1:
        raise UserError(f"{search.name}: trainer.rollouts=0 trains nothing to search; set at least 1")
    pruner, rollouts = search.head.pruner, config.trainer.rollouts
    if pruner.name == "none":
        return
    if pruner.watch == ROLLOUT and rollouts < 2:
        raise UserError(
            f"{search.name}: pruner.watch=rollout reads rollouts after the first, and trainer.rollouts is {rollouts}; set at "
            "least 2, or pruner.name to none"
        )
    if pruner.watch == HELD_OUT and not 0 < evaluation.every < rollouts:
        raise UserError(
            f"{search.name}: pruner {pruner.name} stops runs by their score every evaluation.every={evaluation.every} of "
            f"trainer.rollouts={rollouts} rollouts; set it between, pruner.watch to rollout, or pruner.name to none"
        )
