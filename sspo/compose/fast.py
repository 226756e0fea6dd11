"""`compose` for many configs: the same result in a millisecond, which planning hundreds of cells needs (Hydra takes 42).

It knows the plain part of Hydra's language: the table of contents in conf/config.yaml, files of options without defaults
lists or interpolation, and `group=NAME` and `key=value` overrides. Whatever else is met goes to Hydra itself, so that
the answer is always Hydra's; tests hold the two against each other.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hydra.core.override_parser.types import Override, OverrideType
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from sspo.compose import hydra_compose as hydra
from sspo.config import TrainConfig
from sspo.config.build import build
from sspo.config.validation import validate

SPECIAL = ("$", "???", "@")
"""What may stand for something else than itself in an override or a file: interpolation, missing values, packages."""
GLOBAL = "# @package _global_"


class _NotPlain(Exception):
    """Only Hydra itself can say what this composes to."""


def quick_compose(overrides: Sequence[str]) -> TrainConfig:
    """The validated config that `overrides` make, equal to `compose`'s. Raises the same UserError."""
    parsed = hydra.parse_overrides(overrides)
    try:
        values = _composed(overrides, parsed)
    except _NotPlain:
        return hydra.compose(overrides)
    return validate(build(TrainConfig, values))


def _composed(overrides: Sequence[str], parsed: Sequence[Override]) -> dict[str, Any]:
    if any(special in text for text in overrides for special in SPECIAL):
        raise _NotPlain
    if any(override.type != OverrideType.CHANGE for override in parsed):
        raise _NotPlain
    chosen = [override for override in parsed if override.key_or_group in hydra.GROUPS]
    groups = {override.key_or_group: override.value() for override in chosen}
    if len(groups) < len(chosen):
        raise _NotPlain
    values = _copied(_selection(hydra.CONF_ROOT, tuple(sorted(groups.items()))))
    for override in parsed:
        if override.key_or_group not in hydra.GROUPS:
            _set(values, override.key_or_group.split("."), override.value())
    return values


@functools.lru_cache(maxsize=4096)
def _selection(root: Path, groups: tuple[tuple[str, str | None], ...]) -> Mapping[str, Any]:
    """What a choice of files composes to, before any option is set. Never to be changed by the caller."""
    choices = {**_table_of_contents(root), **dict(groups)}
    values = asdict(TrainConfig())
    for group, name in choices.items():
        if name is None:
            continue
        file = hydra.choice_file(group, name)
        options, is_global = (hydra.choice_values(group, name), False) if file is None else _file(file)
        _merge(values if is_global else values[group], options)
    return values


@functools.cache
def _table_of_contents(root: Path) -> dict[str, str | None]:
    """Group -> the file it takes unless told otherwise, in the order in which they are merged."""
    content, _ = _file(root / "config.yaml", defaults=True)
    entries = content.get("defaults")
    if content.keys() != {"defaults"} or not entries or entries[0] != "schema" or entries[-1] != "_self_":
        raise _NotPlain
    chosen: dict[str, str | None] = {}
    for entry in entries[1:-1]:
        if not isinstance(entry, dict) or len(entry) != 1 or not entry.keys() <= set(hydra.GROUPS):
            raise _NotPlain
        chosen.update(entry)
    return chosen


@functools.cache
def _file(path: Path, *, defaults: bool = False) -> tuple[dict[str, Any], bool]:
    """The options that a file sets, and whether it sets them at the root instead of in its group."""
    try:
        text = path.read_text(encoding="utf-8")
        content = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
    except (OSError, ValueError, OmegaConfBaseException) as error:
        raise _NotPlain from error
    is_global = text.startswith(GLOBAL + "\n")
    body = text.removeprefix(GLOBAL)
    if any(special in body for special in SPECIAL) or not isinstance(content, dict):
        raise _NotPlain
    if not defaults and "defaults" in content:
        raise _NotPlain
    return {str(key): value for key, value in content.items()}, is_global


def _merge(into: dict[str, Any], values: Mapping[str, Any]) -> None:
    for key, value in values.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = _copied(value) if isinstance(value, dict) else value


def _copied(tree: Mapping[str, Any]) -> dict[str, Any]:
    """A copy whose dictionaries may be changed; values are only ever replaced whole."""
    return {key: _copied(value) if isinstance(value, dict) else value for key, value in tree.items()}


def _set(values: dict[str, Any], path: Sequence[str], value: Any) -> None:
    for key in path[:-1]:
        values = values[key]
        if not isinstance(values, dict):
            raise _NotPlain
    if isinstance(value, dict):
        raise _NotPlain
    values[path[-1]] = value
