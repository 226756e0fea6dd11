"""What a spec may hold to have arms generated: factors with named levels, and the design that combines them.

design.py turns these into points and arms.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sspo.config.build import build
from sspo.errors import UserError, shown

KINDS = ("factorial", "one_at_a_time", "leave_one_out", "zip")
AROUND = ("one_at_a_time", "leave_one_out")
"""Kinds that change one factor of a reference arm at a time."""
Choice = Mapping[str, tuple[str, ...]]
"""Factor -> those of its levels that are meant."""
Point = Mapping[str, str]
"""Factor -> level."""


@dataclass(frozen=True, kw_only=True)
class Level:
    """One setting of a factor."""

    overrides: tuple[str, ...] = ()
    label: str = ""
    """How labels and tables call it; its name where empty."""
    name: str | None = None
    """Its part of arm names, '' for none; null makes one of the level's own name."""


@dataclass(frozen=True, kw_only=True)
class Factor:
    """Something that a study varies."""

    levels: Mapping[str, Level]
    """By name, in the order of tables; the first is the one that a reference arm has."""
    label: str = ""
    when: Choice = field(default_factory=dict)
    """The factor exists only where the factors named here have one of these levels; they stand above it."""


@dataclass(frozen=True, kw_only=True)
class Design:
    """Which combinations of levels become arms, and how these are called."""

    kind: str
    vary: tuple[str, ...] = ()
    """The order of a factorial's arms: factors from the one that changes least often; the spec's order where empty."""
    label: str = ""
    """Label of an arm, with {factor} for its level's label; the labels in the factors' order where empty."""
    overrides: tuple[str, ...] = ()
    """Of every generated arm, before those of its levels."""
    reference: Point = field(default_factory=dict)
    """Levels of the reference arm where they are not the first ones."""
    reference_name: str = ""
    reference_label: str = ""
    against: Point = field(default_factory=dict)
    """An arm is tested against the one with these levels and its own otherwise; the baseline where that is itself."""
    exclude: tuple[Choice, ...] = ()
    """Points that are left out: those that have a level of each factor named in an entry."""


def read_factors(content: Mapping[str, Any]) -> dict[str, Factor]:
    """The spec's `factors` from plain values. Raises UserError for the first that makes no sense."""
    return {name: _factor(f"factors.{name}.", dict(inner)) for name, inner in content.items()}


def read_design(content: Any) -> Design:
    """The spec's `design` from plain values. Raises UserError for the first key that makes no sense."""
    if not isinstance(content, Mapping):
        raise UserError(f"design is a group of options, got {shown(content)}")
    if "kind" not in content:
        raise UserError(f"design.kind is missing; set it to one of {', '.join(KINDS)}")
    written = dict(content)
    for key in ("reference", "against"):
        if key in written:
            written[key] = {
                factor: level_name(f"design.{key}.{factor}", level)
                for factor, level in _mapping(f"design.{key}", written[key]).items()
            }
    if "exclude" in written:
        if not isinstance(written["exclude"], list):
            raise UserError(
                f"design.exclude must be a list of levels by factor, got {shown(written['exclude'])}"
            )
        written["exclude"] = [_choice("design.exclude", entry) for entry in written["exclude"]]
    return build(Design, written, "design.")


def level_name(where: str, value: Any) -> str:
    """A level's name as text; YAML reads some of them as numbers. Raises UserError for what is neither."""
    if isinstance(value, bool) or not isinstance(value, str | int | float) or value == "":
        raise UserError(
            f"{where}: a level's name is a word or a number, got {shown(value)}; quote it, as YAML reads on, off, yes, no and null otherwise"
        )
    return str(value)


def _factor(where: str, content: dict[str, Any]) -> Factor:
    levels = content.get("levels")
    if not isinstance(levels, Mapping) or not levels:
        raise UserError(f"{where}levels must name at least one level, got {shown(levels)}")
    written = [(level_name(f"{where}levels", name), _level(value)) for name, value in levels.items()]
    content["levels"] = dict(written)
    if len(content["levels"]) < len(written):
        raise UserError(f"{where}levels must name each level once, got {list(levels)}")
    if "when" in content:
        content["when"] = _choice(f"{where}when", content["when"])
    return build(Factor, content, where)


def _level(value: Any) -> Any:
    """A level is a group of options, or in short its overrides, or nothing where it changes nothing."""
    if value is None:
        return {}
    if isinstance(value, Mapping):
        return value
    return {"overrides": [value] if isinstance(value, str) else value}


def _choice(where: str, value: Any) -> dict[str, list[str]]:
    """Levels by factor; a single one need not be a list."""
    return {
        factor: [
            level_name(f"{where}.{factor}", level)
            for level in (levels if isinstance(levels, list) else [levels])
        ]
        for factor, levels in _mapping(where, value).items()
    }


def _mapping(where: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or not value:
        raise UserError(f"{where} must give a level for one factor or more, got {shown(value)}")
    return value
