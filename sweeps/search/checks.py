"""Checks of a search's spec; each refuses in one sentence before anything is composed."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from sspo.compose.hydra_compose import GROUPS, option_keys
from sspo.errors import UserError, shown, unknown
from sweeps.search.space import active, admits
from sweeps.search.spec import (
    PILOT_SEEDS,
    PRUNERS,
    SAMPLERS,
    WATCHED,
    Choices,
    Parameter,
    Point,
    Pruner,
    Sampler,
    Search,
    SearchPreset,
)
from sweeps.study.refusals import at_least, check_resolvers, choose
from sweeps.study.spec import DEFAULT_PRESET, MODES, PRESETS, Primary

NOT_SEARCHED = re.compile(r"(seed|run|tracking|task|evaluation|experiment|trainer\.record)\b")
"""Options of the replicate, the place of a run and its measurement: none is a choice that a score could justify."""


def check(search: Search) -> None:
    """Raise UserError for the first invalid entry."""
    head = search.head
    _check_primary(head.primary)
    _check_sampler(head.sampler)
    _check_pruner(head.pruner)
    at_least("retries", head.retries, 0)
    _check_overrides(search, "overrides", head.overrides)
    _check_space(search)
    for index, point in enumerate(search.points):
        _check_point(search, f"points[{index}]", point)
        if point in search.points[:index]:
            raise UserError(f"points[{index}] repeats points[{search.points.index(point)}]; leave it out")
    for name, preset in search.presets.items():
        _check_preset(search, name, preset)
    if DEFAULT_PRESET not in search.presets:
        raise UserError(f"presets must hold '{DEFAULT_PRESET}', which is missing")


def check_key(where: str, key: str) -> None:
    """Raise UserError for a key that does not name an option or group, or that a search must not change."""
    known = option_keys()
    if key not in known:
        raise unknown(f"option in {where}", key, [name for name in known if not NOT_SEARCHED.match(name)])
    if NOT_SEARCHED.match(key):
        raise UserError(
            f"{where}: '{key}' cannot be searched: it sets the replicate, the place of a run or its measurement"
        )


def _check_primary(primary: Primary) -> None:
    choose("primary.mode", primary.mode, MODES)
    if (primary.mode == "greedy") != (primary.temperature == 0):
        raise UserError(
            f"primary: greedy decoding is temperature 0 and sampling is above 0, got mode {primary.mode} at "
            f"{primary.temperature:g}"
        )


def _check_sampler(sampler: Sampler) -> None:
    choose("sampler.name", sampler.name, SAMPLERS)
    at_least("sampler.seed", sampler.seed, 0)
    at_least("sampler.startup", sampler.startup, 1)


def _check_pruner(pruner: Pruner) -> None:
    choose("pruner.name", pruner.name, PRUNERS)
    choose("pruner.watch", pruner.watch, WATCHED)
    at_least("pruner.startup", pruner.startup, 1)
    at_least("pruner.warmup", pruner.warmup, 0)
    at_least("pruner.reduction", pruner.reduction, 2)


def _check_space(search: Search) -> None:
    owner: dict[str, str] = {}
    for index, parameter in enumerate(search.space):
        _check_domain(parameter)
        for key in (parameter.key, *parameter.also):
            if owner.setdefault(key, parameter.key) != parameter.key or parameter.also.count(key) > 1:
                raise UserError(f"space.{parameter.key}: '{key}' is set twice; name each option once")
        earlier = {other.key: other for other in search.space[:index]}
        for condition in parameter.when:
            where = f"space.{parameter.key}.when"
            choose(f"parameter in {where} (declared above it)", condition.key, earlier)
            domain = earlier[condition.key].domain
            if not isinstance(domain, Choices):
                raise UserError(
                    f"{where}: '{condition.key}' has a range; a condition requires a parameter with choices"
                )
            for value in condition.values:
                if value not in domain.choices:
                    raise unknown(f"choice in {where}.{condition.key}", str(value), map(str, domain.choices))


def _check_domain(parameter: Parameter) -> None:
    where, domain = f"space.{parameter.key}", parameter.domain
    if isinstance(domain, Choices):
        for choice in domain.choices:
            check_resolvers(f"{where}.choices", str(choice))
        distinct = {(type(value), value) for value in domain.choices}
        if len(domain.choices) < 2 or len(distinct) < len(domain.choices):
            raise UserError(
                f"{where}.choices must hold two or more different values, got {shown(list(domain.choices))}"
            )
        return
    if not -math.inf < domain.low < domain.high < math.inf:
        raise UserError(
            f"{where}: low must be below high, both finite, got {domain.low:g} and {domain.high:g}"
        )
    if domain.log and domain.low <= 0:
        raise UserError(f"{where}: a logarithmic range must start above 0, got low {domain.low:g}")
    if domain.log and domain.step is not None:
        raise UserError(f"{where} has log and step: leave one of them out")
    if domain.step is None:
        return
    if not 0 < domain.step <= domain.high - domain.low:
        raise UserError(
            f"{where}.step must be above 0 and at most high - low = {domain.high - domain.low:g}, got {domain.step:g}"
        )
    if not admits(domain, domain.high):
        raise UserError(f"{where}: high must lie a whole number of steps above low, got step {domain.step:g}")


def _check_point(search: Search, where: str, point: Point) -> None:
    keys = [parameter.key for parameter in search.space]
    for key in point:
        choose(f"parameter in {where}", key, keys)
    for parameter in search.space:
        counts, given = active(parameter, point), parameter.key in point
        if given and not counts:
            raise UserError(
                f"{where}: '{parameter.key}' is not active there, because its `when` is not met; leave it out"
            )
        if counts and not given:
            raise UserError(
                f"{where} lacks '{parameter.key}': a point must set every parameter that is active there"
            )
        if given and not admits(parameter.domain, point[parameter.key]):
            raise UserError(
                f"{where}: {parameter.key}={shown(point[parameter.key])} is outside its own range"
            )


def _check_preset(search: Search, name: str, preset: SearchPreset) -> None:
    choose("preset", name, PRESETS)
    least = max(1, len(search.points))
    if preset.trials < least:
        raise UserError(f"presets.{name}.trials must be at least {least}, one per point, got {preset.trials}")
    seeds = preset.seeds
    if not seeds or len(set(seeds)) < len(seeds):
        raise UserError(f"presets.{name}.seeds must name one or more different seeds, got {list(seeds)}")
    if min(seeds) < PILOT_SEEDS:
        raise UserError(
            f"presets.{name}.seeds: a search uses pilot seeds, {PILOT_SEEDS} and above, so that no study reports the "
            f"runs that chose its recipe, got {min(seeds)}"
        )
    _check_overrides(search, f"presets.{name}.overrides", preset.overrides)


def _check_overrides(search: Search, where: str, overrides: Iterable[str]) -> None:
    always = [parameter for parameter in search.space if not parameter.when]
    searched = {key for parameter in always for key in (parameter.key, *parameter.also)}
    for override in overrides:
        check_resolvers(where, override)
        key = override.partition("=")[0]
        if re.match(r"[+~]*(seed|run|trainer\.record)\b", override):
            raise UserError(f"{where}: '{override}' belongs to a run, not to a search; leave it out")
        if key in searched and key not in GROUPS:
            raise UserError(f"{where}: '{override}' is overridden by space.{key}; leave one of them out")
