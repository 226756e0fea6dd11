"""From a design to its points in the space of factors, and to arms with readable names, each a plain `Arm` from there on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sspo.errors import UserError
from sweeps.study.design_checks import check_design, check_points
from sweeps.study.factors import AROUND, Choice, Design, Factor, Point
from sweeps.study.spec import Arm

MOST_ARMS = 2000
FIELD = re.compile(r"\{(\w*)\}")
NO_LEVEL = "–"
"""Stands in a label for a factor that does not exist at the arm's point."""


@dataclass(frozen=True, kw_only=True)
class Generated:
    """The arms of a design and the point of each."""

    arms: Mapping[str, Arm]
    points: Mapping[str, Point]


def generate(factors: Mapping[str, Factor], design: Design, baseline: str) -> Generated:
    """Return the arms of a design by name, in order. Raises UserError for a design that is invalid or too large."""
    check_design(factors, design)
    points = [point for point in _points(factors, design) if not excluded(point, design.exclude)]
    check_points(factors, design, points)
    named: dict[str, Point] = {}
    for point in points:
        name = _arm_name(factors, design, point)
        if name in named:
            raise UserError(
                f"design: {spelled(named[name])} and {spelled(point)} would both be arm '{name}'; give one of their levels "
                "a different name"
            )
        named[name] = point
    references = _references(factors, design, named)
    arms = {
        name: Arm(
            label=_label(factors, design, point),
            overrides=_overrides(factors, design, point),
            against=None if name == baseline or references[name] in (name, baseline) else references[name],
        )
        for name, point in named.items()
    }
    return Generated(arms=arms, points=named)


def exists(factor: Factor, point: Point) -> bool:
    """Return whether a factor exists if the factors above it have the levels of `point`."""
    return all(point.get(other) in levels for other, levels in factor.when.items())


def existing(factors: Mapping[str, Factor], point: Point) -> dict[str, str]:
    """Return a point without the levels of factors that do not exist there."""
    kept: dict[str, str] = {}
    for name, factor in factors.items():
        if name in point and exists(factor, kept):
            kept[name] = point[name]
    return kept


def excluded(point: Point, entries: Iterable[Choice]) -> bool:
    """Return whether a point matches an entry, that is, has a listed level of each factor in it."""
    return any(all(point.get(factor) in levels for factor, levels in entry.items()) for entry in entries)


def spelled(point: Point) -> str:
    """Format a point, as `lr=3e-4, updates=16`."""
    return ", ".join(f"{factor}={level}" for factor, level in point.items())


def reference_point(factors: Mapping[str, Factor], design: Design) -> dict[str, str]:
    """Return the first level of every factor, or its level in `reference`, including factors that do not exist at that point."""
    return {name: design.reference.get(name, next(iter(factor.levels))) for name, factor in factors.items()}


def _points(factors: Mapping[str, Factor], design: Design) -> list[dict[str, str]]:
    if design.kind == "factorial":
        return _factorial(factors, design)
    if design.kind == "zip":
        rows = zip(*(factor.levels for factor in factors.values()), strict=True)
        return [dict(zip(factors, row, strict=True)) for row in rows]
    center = reference_point(factors, design)
    points = [existing(factors, center)]
    for name, factor in factors.items():
        for level in factor.levels:
            point = existing(factors, {**center, name: level})
            if point not in points:
                points.append(point)
    return points


def _factorial(factors: Mapping[str, Factor], design: Design) -> list[dict[str, str]]:
    points: list[dict[str, str]] = [{}]
    for name, factor in factors.items():
        size = sum(len(factor.levels) if exists(factor, point) else 1 for point in points)
        if size > MOST_ARMS:
            raise UserError(
                f"design: the factors up to {name} already make {size} arms, and a study has at most {MOST_ARMS}; leave out "
                "levels, or set design.kind to one_at_a_time"
            )
        points = [
            {**point, name: level} if level else point
            for point in points
            for level in (factor.levels if exists(factor, point) else ("",))
        ]
    order = design.vary or tuple(factors)
    ranks = {name: {level: rank for rank, level in enumerate(factors[name].levels)} for name in order}
    return sorted(points, key=lambda point: [ranks[name].get(point.get(name, ""), -1) for name in order])


def _arm_name(factors: Mapping[str, Factor], design: Design, point: Point) -> str:
    if design.kind in AROUND:
        changed = _changed(factors, design, point)
        if not changed:
            return design.reference_name or ("all" if design.kind == "leave_one_out" else "reference")
        parts = [_part(factors, design, name, point[name]) for name in changed]
    else:
        parts = [_part(factors, design, name, level) for name, level in point.items()]
    name = "_".join(part for part in parts if part)
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise UserError(
            f"design: the arm with {spelled(point)} would be named '{name}', but a name must be lowercase letters, digits and '_', "
            "starting with a letter; set the name of one of its levels"
        )
    return name


def _part(factors: Mapping[str, Factor], design: Design, factor: str, level: str) -> str:
    """Return a level's part of an arm's name: `sspo`, but `lr3e_4` if the level is not a word, and `a_with` if factors share the level."""
    own = factors[factor].levels[level].name
    if own is not None:
        return own
    if design.kind == "leave_one_out":
        return f"no_{factor}"
    text = re.sub(r"^-", "minus_", level.lower())
    word = re.sub(r"[^a-z0-9]+", "_", text).strip("_")
    if not word[:1].isalpha() or level.startswith("-"):
        return f"{factor}{word}"
    shared = any(level in other.levels for name, other in factors.items() if name != factor)
    return f"{factor}_{word}" if shared else word


def _changed(factors: Mapping[str, Factor], design: Design, point: Point) -> list[str]:
    """Return the factors in which a point differs from the reference; a factor that exists only there is part of the difference."""
    center = reference_point(factors, design)
    return [name for name, level in point.items() if level != center[name]]


def _label(factors: Mapping[str, Factor], design: Design, point: Point) -> str:
    labels = {name: factors[name].levels[level].label or level for name, level in point.items()}
    changed = _changed(factors, design, point) if design.kind in AROUND else list(point)
    if not changed and (design.reference_label or not design.label):
        return design.reference_label or ("all" if design.kind == "leave_one_out" else "reference")
    if design.label:
        return FIELD.sub(lambda field: labels.get(field[1], NO_LEVEL), design.label)
    if design.kind == "leave_one_out":
        return ", ".join(f"without {factors[name].label or name}" for name in changed)
    if design.kind == "one_at_a_time":
        return ", ".join(f"{factors[name].label or name} {labels[name]}" for name in changed)
    return ", ".join(labels.values())


def _overrides(factors: Mapping[str, Factor], design: Design, point: Point) -> tuple[str, ...]:
    of_levels = (factors[name].levels[level].overrides for name, level in point.items())
    return (*design.overrides, *(override for overrides in of_levels for override in overrides))


def _references(factors: Mapping[str, Factor], design: Design, named: Mapping[str, Point]) -> dict[str, str]:
    """Return the reference of each arm; the arm itself if it is its own reference."""
    if not design.against:
        return {name: name for name in named}
    owner = {tuple(point.items()): name for name, point in named.items()}
    references = {}
    for name, point in named.items():
        wanted = existing(factors, {key: {**point, **design.against}.get(key, "") for key in factors})
        wanted = {key: level for key, level in wanted.items() if level}
        if tuple(wanted.items()) not in owner:
            raise UserError(
                f"design.against: arm '{name}' ({spelled(point)}) has no arm with {spelled(wanted)} to be tested against; remove "
                "that arm from design.exclude, or set a level of every factor that exists only there"
            )
        references[name] = owner[tuple(wanted.items())]
    return references
