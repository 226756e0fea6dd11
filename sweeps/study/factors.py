"""Entries of a spec that generate arms: factors with named levels, and the design that combines them.

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
"""Levels by factor."""
Point = Mapping[str, str]
"""One level by factor."""


@dataclass(frozen=True, kw_only=True)
class Level:
    """One setting of a factor."""

    overrides: tuple[str, ...] = ()
    label: str = ""
    """Its label in tables; empty for its name."""
    name: str | None = None
    """Its part of arm names, '' for none; null derives one from the level's name."""


@dataclass(frozen=True, kw_only=True)
class Factor:
    """A quantity that a study varies."""

    levels: Mapping[str, Level]
    """Levels by name, in the order of tables; a reference arm has the first."""
    label: str = ""
    when: Choice = field(default_factory=dict)
    """The factor exists only if the factors named here, which must be declared above it, have one of these levels."""


@dataclass(frozen=True, kw_only=True)
class Design:
    """The combinations of levels that become arms, and their names."""

    kind: str
    vary: tuple[str, ...] = ()
    """The order of a factorial's arms: factors from the one that changes least often; empty for the spec's order."""
    label: str = ""
    """Label of an arm, with {factor} for its level's label; empty for all labels in the factors' order."""
    overrides: tuple[str, ...] = ()
    """Overrides of every generated arm, before those of its levels."""
    reference: Point = field(default_factory=dict)
    """Levels of the reference arm that are not the first ones."""
    reference_name: str = ""
    reference_label: str = ""
    against: Point = field(default_factory=dict)
    """An arm is tested against the arm with these levels and otherwise its own; if that is itself, against the baseline."""
    exclude: tuple[Choice, ...] = ()
    """Points to leave out: those that have a listed level of each factor in an entry."""


def read_factors(content: Mapping[str, Any]) -> dict[str, Factor]:
    """Build the spec's `factors` from plain values. Raises UserError for the first invalid one."""
    return {name: _factor(f"factors.{name}.", dict(inner)) for name, inner in content.items()}


def read_design(content: Any) -> Design:
    """Build the spec's `design` from plain values. Raises UserError for the first invalid key."""
    if not isinstance(content, Mapping):
        raise UserError(f"design must be a group of options, got {shown(content)}")
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
    """Return a level's name as text; YAML reads some of them as numbers. Raises UserError for any other type."""
    if isinstance(value, bool) or not isinstance(value, str | int | float) or value == "":
        raise UserError(
            f"{where}: a level's name must be a word or a number, got {shown(value)}; quote it, because YAML does not read on, off, yes, no and null as words"
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
    """Return a level as a group of options; it may be written as its overrides alone, or as null if it changes nothing."""
    if value is None:
        return {}
    if isinstance(value, Mapping):
        return value
    return {"overrides": [value] if isinstance(value, str) else value}


def _choice(where: str, value: Any) -> dict[str, list[str]]:
    """Return levels by factor; a single level need not be a list."""
    return {
        factor: [
            level_name(f"{where}.{factor}", level)
            for level in (levels if isinstance(levels, list) else [levels])
        ]
        for factor, levels in _mapping(where, value).items()
    }


def _mapping(where: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or not value:
        raise UserError(f"{where} must set a level of at least one factor, got {shown(value)}")
    return value
