"""Checks of factors and a design; each refuses in one sentence before any arm is generated."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from sspo.errors import UserError, unknown
from sweeps.study.factors import AROUND, KINDS, Choice, Design, Factor, Point
from sweeps.study.refusals import check_overrides, choose

PART = re.compile(r"[a-z0-9_]*")
ONLY = {
    "vary": ("factorial",),
    "reference": AROUND,
    "reference_name": AROUND,
    "reference_label": AROUND,
}
"""Options of a design that affect only these kinds."""


def check_design(factors: Mapping[str, Factor], design: Design) -> None:
    """Raise UserError for the first invalid entry."""
    choose("design.kind", design.kind, KINDS)
    for name, factor in factors.items():
        _check_factor(factors, name, factor)
    _check_keys_apart(factors)
    check_overrides("design.overrides", design.overrides)
    for key, kinds in ONLY.items():
        if getattr(design, key) and design.kind not in kinds:
            raise UserError(
                f"design.{key} has no effect on design.kind={design.kind}, only on {' and '.join(kinds)}; leave it out"
            )
    if design.vary and sorted(design.vary) != sorted(factors):
        raise UserError(
            f"design.vary must name each factor once ({', '.join(factors)}), got {list(design.vary)}"
        )
    for key in ("reference", "against"):
        for factor_name, level in getattr(design, key).items():
            _check_levels(factors, f"design.{key}", {factor_name: (level,)})
    for entry in design.exclude:
        _check_levels(factors, "design.exclude", entry)
    for field in re.findall(r"\{(\w*)\}", design.label):
        choose("factor in design.label", field, factors)
    _check_kind(factors, design)


def check_points(factors: Mapping[str, Factor], design: Design, points: Sequence[Point]) -> None:
    """Raise UserError if a level is in no arm, because the design is then not what it appears to be."""
    for name, factor in factors.items():
        for level in factor.levels:
            if not any(point.get(name) == level for point in points):
                raise UserError(
                    f"design: no arm has {name}={level}; leave that level out, or change {_causes(factor, design)}"
                )


def _causes(factor: Factor, design: Design) -> str:
    causes = ["design.exclude"] if design.exclude else []
    return " or ".join([*causes, "its factor's `when`"] if factor.when else causes or ["the design"])


def _check_factor(factors: Mapping[str, Factor], name: str, factor: Factor) -> None:
    where = f"factors.{name}"
    for level_name, level in factor.levels.items():
        check_overrides(f"{where}.levels.{level_name}.overrides", level.overrides)
        if level.name is not None and not PART.fullmatch(level.name):
            raise UserError(
                f"{where}.levels.{level_name}.name is part of an arm's name and must be lowercase letters, digits and '_', "
                f"got '{level.name}'"
            )
    above = list(factors)[: list(factors).index(name)]
    for other in factor.when:
        if other in factors and other not in above:
            raise UserError(f"{where}.when names '{other}', which must be declared above {name}")
    _check_levels({key: factors[key] for key in above}, f"{where}.when", factor.when)


def _check_keys_apart(factors: Mapping[str, Factor]) -> None:
    owner: dict[str, str] = {}
    for name, factor in factors.items():
        for key in sorted({_key(text) for level in factor.levels.values() for text in level.overrides}):
            other = owner.setdefault(key, name)
            if other != name and not _apart(factors, other, name):
                raise UserError(
                    f"factors {other} and {name} both set {key}, so one would override the other; make them one factor, or "
                    "let one exist only `when` the other does not set that key"
                )


def _apart(factors: Mapping[str, Factor], first: str, second: str) -> bool:
    """Return whether two factors never exist at the same point, because they require different levels of a third one."""
    one, two = factors[first].when, factors[second].when
    return any(not set(one[key]) & set(two[key]) for key in one.keys() & two.keys())


def _key(override: str) -> str:
    return override.partition("=")[0].lstrip("+~")


def _check_levels(factors: Mapping[str, Factor], where: str, choice: Choice) -> None:
    for name, levels in choice.items():
        if name not in factors:
            raise unknown(f"factor in {where}", name, factors)
        for level in levels:
            choose(f"level of {name} in {where}", level, factors[name].levels)


def _check_kind(factors: Mapping[str, Factor], design: Design) -> None:
    counts = {name: len(factor.levels) for name, factor in factors.items()}
    listed = _listed(counts)
    if design.kind == "zip":
        if len(set(counts.values())) > 1:
            raise UserError(
                f"design.kind=zip pairs the levels of its factors one by one, so all need the same number, got {listed}"
            )
        conditional = [name for name, factor in factors.items() if factor.when]
        if conditional:
            raise UserError(
                f"design.kind=zip pairs the levels of every factor, and {conditional[0]} has a `when`; leave it out"
            )
    if design.kind == "leave_one_out" and set(counts.values()) != {2}:
        raise UserError(
            "design.kind=leave_one_out switches off each factor in turn, so each needs two levels, with the one that is on "
            f"first, got {listed}; for more levels set design.kind to one_at_a_time"
        )


def _listed(counts: Mapping[str, int]) -> str:
    words: Iterable[str] = (f"{name} with {count}" for name, count in counts.items())
    return ", ".join(words)
