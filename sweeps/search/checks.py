"""Checks of a search's spec; each refuses in one sentence before anything is composed."""

from __future__ import annotations

import re
from collections.abc import Iterable

from sspo.compose.hydra_compose import GROUPS
from sspo.errors import UserError, shown
from sweeps.search.spec import Search, SearchPreset
from sweeps.study.refusals import at_least, check_resolvers, choose
from sweeps.study.space.checks import check_pruner, check_sampler, check_space
from sweeps.study.space.domain import Point, active, admits
from sweeps.study.space.method import PILOT_SEEDS
from sweeps.study.spec import DEFAULT_PRESET, MODES, PRESETS, Primary


def check(search: Search) -> None:
    """Raise UserError for the first invalid entry."""
    head = search.head
    _check_primary(head.primary)
    check_sampler(head.sampler)
    check_pruner(head.pruner)
    at_least("retries", head.retries, 0)
    _check_overrides(search, "overrides", head.overrides)
    check_space(search.space)
    for index, point in enumerate(search.points):
        _check_point(search, f"points[{index}]", point)
        if point in search.points[:index]:
            raise UserError(f"points[{index}] repeats points[{search.points.index(point)}]; leave it out")
    for name, preset in search.presets.items():
        _check_preset(search, name, preset)
    if DEFAULT_PRESET not in search.presets:
        raise UserError(f"presets must hold '{DEFAULT_PRESET}', which is missing")


def _check_primary(primary: Primary) -> None:
    choose("primary.mode", primary.mode, MODES)
    if (primary.mode == "greedy") != (primary.temperature == 0):
        raise UserError(
            f"primary: greedy decoding is temperature 0 and sampling is above 0, got mode {primary.mode} at "
            f"{primary.temperature:g}"
        )


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
