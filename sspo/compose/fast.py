"""Configurations for planning: Hydra composes every choice of a file once, and options are set on a copy.

A plan has hundreds of configurations that choose from the same few files. Configurations that cannot be composed this
way (an interpolation, a package, a file that reaches beyond its group) go to Hydra as a whole: the result always equals
Hydra's.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hydra.core.override_parser.types import Override, OverrideType

from sspo.compose import hydra_compose as hydra
from sspo.config import TrainConfig
from sspo.config.build import build
from sspo.config.fitted import fitted
from sspo.config.places import conf_roots
from sspo.config.validation import validate
from sspo.config.yaml_file import read_any
from sspo.errors import UserError

SPECIAL = ("$", "???")
"""Marks in an override or a value that are not literal: interpolation and missing values."""
PACKAGED = "@"
"""Mark in the key of an override that relocates a group; in a value it names a revision of a model."""
Roots = tuple[Path, ...]
"""Folders in which files are searched, as a cache key."""
Choice = tuple[str, str]
"""A group and the file chosen from it."""


class _NotPlain(Exception):
    """Raised if only Hydra itself can compose this."""


def quick_compose(overrides: Sequence[str]) -> TrainConfig:
    """Return the validated config that `overrides` make, equal to `compose`'s. Raises the same UserError."""
    return validate(build(TrainConfig, fitted(quick_values(overrides))))


def quick_values(overrides: Sequence[str]) -> dict[str, Any]:
    """Return the values that `overrides` compose to, equal to `composed`'s and equally unvalidated. Raises the same
    UserError.
    """
    try:
        parsed = hydra.parse_overrides(overrides)
        own = hydra.with_own(overrides, parsed)
        return _composed(own, parsed if own == list(overrides) else hydra.parse_overrides(own))
    except _NotPlain:
        return hydra.composed(overrides, resolve=True)


def _composed(overrides: Sequence[str], parsed: Sequence[Override]) -> dict[str, Any]:
    if any(special in text for text in overrides for special in SPECIAL):
        raise _NotPlain
    if any(PACKAGED in text.partition("=")[0] for text in overrides):
        raise _NotPlain
    if any(override.type != OverrideType.CHANGE for override in parsed):
        raise _NotPlain
    chosen = [(one.key_or_group, one.value()) for one in parsed if one.key_or_group in hydra.GROUPS]
    if len(dict(chosen)) < len(chosen):
        raise _NotPlain
    choices = tuple(sorted((group, name) for group, name in chosen if name is not None))
    values = _copied(_selection(conf_roots(), choices))
    for override in parsed:
        if override.key_or_group not in hydra.GROUPS:
            _set(values, override.key_or_group.split("."), override.value())
    return values


@functools.lru_cache(maxsize=4096)
def _selection(roots: Roots, choices: tuple[Choice, ...]) -> Mapping[str, Any]:
    """Return the composition of a choice of files, before any option is set. The caller must not change it."""
    usual = _by_hydra(roots, ())
    experiments = [name for group, name in choices if group == "experiment"]
    of_groups = {choice: _alone(roots, choice) for choice in choices if choice[0] != "experiment"}
    if any(_changed(usual, values) - {group} for (group, _), values in of_groups.items()):
        return _by_hydra(roots, choices)
    set_by_experiments = {group for name in experiments for group in _groups_of_experiment(name)}
    # Hydra decides between an experiment and a choice that it also sets; every other choice takes precedence
    under = _by_hydra(roots, tuple(one for one in choices if one[0] in {"experiment", *set_by_experiments}))
    chosen = {
        group: values[group]
        for (group, _), values in of_groups.items()
        if group in values and group not in set_by_experiments
    }
    return {**under, **chosen}


def _groups_of_experiment(name: str) -> set[str]:
    """Return the groups that an experiment chooses from or sets options of, even to their defaults."""
    file = hydra.choice_file("experiment", name)
    assert file is not None
    written = read_any(file)
    if not isinstance(written, dict):
        raise _NotPlain
    groups = set(written) - {"defaults"}
    for line in written.get("defaults", ()):
        if isinstance(line, str) and line != "_self_":
            groups |= _groups_of_experiment(line)
        elif isinstance(line, dict):
            groups |= {key.removeprefix("override /") for key in line}
    if any(group not in _schema() for group in groups):
        raise _NotPlain
    return groups


def _alone(roots: Roots, choice: Choice) -> Mapping[str, Any]:
    """What one choice composes to. One that is no file sets options of its group alone, on the schema's defaults: Hydra,
    which takes a tenth of a second for each, has something to say only where config.yaml sets more than it lists."""
    group, name = choice
    usual = _by_hydra(roots, ())
    listed = usual[group].get(hydra.NAMED.get(group, ("name",))[0]) if group in usual else None
    if any(hydra.choice_file(group, one) is not None for one in (name, str(listed))):
        return _by_hydra(roots, (choice,))
    if listed not in hydra.choices(group) or usual[group] != _without_file(group, str(listed)):
        return _by_hydra(roots, (choice,))
    return {**usual, group: _without_file(group, name)}


def _without_file(group: str, name: str) -> dict[str, Any]:
    values: dict[str, Any] = _listed({**_schema()[group], **hydra.choice_values(group, name)})
    return values


@functools.cache
def _schema() -> Mapping[str, Any]:
    return asdict(TrainConfig())


def _listed(value: Any) -> Any:
    """Return the value as Hydra returns it: a list for every tuple."""
    if isinstance(value, dict):
        return {key: _listed(inner) for key, inner in value.items()}
    return [_listed(inner) for inner in value] if isinstance(value, (list, tuple)) else value


@functools.lru_cache(maxsize=4096)
def _by_hydra(roots: Roots, choices: tuple[Choice, ...]) -> Mapping[str, Any]:
    assert roots == conf_roots()
    try:
        values = hydra.composed([f"{group}={name}" for group, name in choices])
    except UserError as error:
        raise _NotPlain from error
    if any(special in text for text in _texts(values) for special in SPECIAL):
        raise _NotPlain
    return values


def _changed(usual: Mapping[str, Any], values: Mapping[str, Any]) -> set[str]:
    """Return the groups whose options differ."""
    return {group for group in usual if usual[group] != values[group]}


def _texts(values: Any) -> list[str]:
    """Return every text among values, at any depth."""
    if isinstance(values, str):
        return [values]
    inner = values.values() if isinstance(values, dict) else values if isinstance(values, list) else ()
    return [text for value in inner for text in _texts(value)]


def _copied(tree: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy whose dictionaries may be changed; values are only replaced whole."""
    return {key: _copied(value) if isinstance(value, dict) else value for key, value in tree.items()}


def _set(values: dict[str, Any], path: Sequence[str], value: Any) -> None:
    for key in path[:-1]:
        values = values[key]
        if not isinstance(values, dict):
            raise _NotPlain
    if isinstance(value, dict):
        raise _NotPlain
    values[path[-1]] = value
