"""Hydra composition: overrides -> a validated TrainConfig, or one sentence that names the error.

Overrides are checked against the schema and the files under conf/ before Hydra reads them, because Hydra's own messages
for a mistyped name are nine lines long.
"""

from __future__ import annotations

import functools
from collections.abc import Container, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.plugins import Plugins
from hydra.errors import HydraException
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from sspo.compose import own_choices
from sspo.config import REWARD_NAMES, RULES, TASK_NAMES, TEMPLATE_NAMES, TrainConfig
from sspo.config.build import build
from sspo.config.fitted import fitted, unset
from sspo.config.places import conf_file, conf_files, conf_roots
from sspo.config.plugins.kinds import OF_GROUP
from sspo.config.plugins.table import Plugin, find, names_of
from sspo.config.validation import validate
from sspo.config.yaml_file import read_any
from sspo.errors import UserError, siblings, unknown
from sspo.objective.variants import HOUSE_VARIANTS, VARIANTS

GROUPS = (
    "task",
    "prompt",
    "model",
    "rollout",
    "reward",
    "segmentation",
    "objective",
    "trainer",
    "tracking",
    "experiment",
)


NAMED: Mapping[str, tuple[str, Sequence[str]]] = {
    "task": ("name", TASK_NAMES),
    "prompt": ("template", TEMPLATE_NAMES),
    "reward": ("name", REWARD_NAMES),
    "segmentation": ("rule", RULES),
}
"""Groups whose choices need no file in conf/: the option that takes the name, and the names."""


def compose(overrides: Sequence[str]) -> TrainConfig:
    """Return the validated config that `overrides` make. Raises UserError."""
    return _compose(tuple(overrides), conf_roots())


@functools.lru_cache(maxsize=4096)
def _compose(overrides: tuple[str, ...], roots: tuple[Path, ...]) -> TrainConfig:
    """`roots` is where `overrides` are looked up, for what is kept."""
    return validate(build(TrainConfig, fitted(composed(overrides, resolve=True))))


def composed(overrides: Sequence[str], *, resolve: bool = False) -> dict[str, Any]:
    """Return the values that Hydra composes, not validated; interpolations are unresolved unless `resolve` is set.

    Raises UserError.
    """
    parsed = parse_overrides(overrides)
    overrides = with_own(overrides, parsed)
    register()
    try:
        with initialize_config_dir(config_dir=str(conf_roots()[-1]), version_base="1.3"):
            config = hydra_compose(config_name="config", overrides=_for_hydra(overrides, parsed))
        values: Any = OmegaConf.to_container(config, resolve=resolve, throw_on_missing=resolve)
    except (HydraException, OmegaConfBaseException, yaml.YAMLError) as error:
        raise UserError(f"cannot compose the configuration: {' '.join(str(error).split())}") from error
    return values  # type: ignore[no-any-return]


def _for_hydra(overrides: Sequence[str], parsed: Sequence[Override]) -> list[str]:
    """Return the overrides without `experiment=null`, which is the default and makes Hydra raise a bare ValueError."""
    experiments = [one.value() for one in parsed if one.key_or_group == "experiment"]
    if None in experiments and len(experiments) > 1:
        raise UserError(f"experiment is given {len(experiments)} times and one of them is null; set it once")
    nothing = {one.input_line for one in parsed if one.key_or_group == "experiment" and one.value() is None}
    return [text for text in overrides if text not in nothing]


def choices(group: str) -> list[str]:
    """Return the names that `group=NAME` accepts, including those of installed packages; a user's file is accepted too."""
    house = house_choices(group)
    if group not in OF_GROUP:
        return house
    return [*house, *(name for name in names_of(OF_GROUP[group], house) if name not in house)]


def house_choices(group: str) -> list[str]:
    """Return the names that `group=NAME` accepts without additional packages."""
    if group == "objective":
        return list(HOUSE_VARIANTS)
    files = {path.stem for path in conf_files(group)}
    return sorted(files.union(NAMED[group][1] if group in NAMED else ()))


def with_own(overrides: Sequence[str], parsed: Sequence[Override]) -> list[str]:
    """Return the overrides, with every choice of a user's own row replaced by a choice that Hydra knows.

    Raises UserError if such a row does not exist, or an objective's row is not an objective.
    """
    return [
        text
        if (plugin := _plugin(one)) is None
        else f"{text.partition('=')[0]}={own_choices.add(one.key_or_group, plugin, choice_values)}"
        for text, one in zip(overrides, parsed, strict=True)
    ]


def _plugin(override: Override) -> Plugin | None:
    """Return the user's own row that a choice of a group names."""
    group, value = override.key_or_group, override.value()
    if group not in OF_GROUP or not isinstance(value, str) or value in own_choices.VALUES:
        return None
    if conf_file(group, f"{value}.yaml").is_file():  # which may set more than the row's name
        return None
    return find(OF_GROUP[group], value, _rows(group), group)


def _rows(group: str) -> Container[str]:
    """Return the built-in rows that a group selects from."""
    return HOUSE_VARIANTS if group == "objective" else NAMED[group][1]


def choice_file(group: str, name: str) -> Path | None:
    """Return the file of conf/ for a choice, or None if it needs none."""
    if group == "objective" or name in own_choices.VALUES:
        return None
    file, (_, named) = conf_file(group, f"{name}.yaml"), NAMED.get(group, ("", ()))
    return None if name in named and not file.is_file() else file


def choice_values(group: str, name: str) -> dict[str, Any]:
    """Return the values that a choice sets: the content of its file, or only its name."""
    if name in own_choices.VALUES:
        return own_choices.VALUES[name]
    if group == "objective":
        return asdict(VARIANTS[name])
    file = choice_file(group, name)
    if file is None or (group in OF_GROUP and not file.is_file()):
        return {NAMED[group][0]: name}
    values: dict[str, Any] = read_any(file)
    return values


@functools.cache
def _check_roots(roots: tuple[Path, ...]) -> None:
    """Raise UserError for files of objectives: rows of VARIANTS are what planning knows, and Hydra would take the file."""
    found = next((file for root in roots for file in root.glob("objective/*.yaml")), None)
    if found is not None:
        raise UserError(
            f"{found}: objectives have no files in conf/; write the row in a Python file and name it, as in "
            "objective=path/to/file.py:NAME (docs/extending.md)"
        )


def parse_overrides(overrides: Sequence[str]) -> list[Override]:
    """Return the overrides as Hydra parses them. Raises UserError for one that names no option, no choice, or several
    values.
    """
    _check_roots(conf_roots())
    parsed = []
    for text in overrides:
        try:
            parsed.append(_parse(text))
        except HydraException as error:
            raise UserError(
                f"'{text}' is not a valid override: write key=value, quoting values with spaces, commas or equals signs"
            ) from error
        _check_override(parsed[-1], text)
    return parsed


@functools.lru_cache(maxsize=4096)
def _parse(text: str) -> Override:
    return OverridesParser.create().parse_override(text)


def _check_override(override: Override, text: str) -> None:
    key = override.key_or_group
    if override.is_delete():
        raise UserError(f"'{text}' would delete an option; set it to another value instead")
    if override.is_sweep_override():
        raise UserError(
            f"'{text}' names several values, but a run has one: add -m to run each, or write them as arms of a study in conf/study/"
        )
    if key in GROUPS:
        value = override.value()
        plugin = _plugin(override)
        if plugin is not None:
            plugin.check()
        elif (isinstance(value, str) and value in own_choices.VALUES) or (
            key == "experiment" and value is None
        ):
            pass
        elif value not in house_choices(key):
            raise unknown(key, str(value), choices(key))
    elif key not in option_keys():
        inside = [option for option in option_keys() if option.startswith(f"{key}.")]
        if inside:
            raise UserError(
                f"'{key}' is a group of options; set one of {', '.join(siblings(f'{key}.', inside))}"
            )
        raise unknown("key", key, option_keys())


@functools.cache
def option_keys() -> tuple[str, ...]:
    """Return every dotted option key, and the groups."""
    keys: list[str] = list(GROUPS)

    def walk(values: dict[str, Any], prefix: str) -> None:
        for key, value in values.items():
            if isinstance(value, dict):
                walk(value, f"{prefix}{key}.")
            else:
                keys.append(prefix + key)

    walk(asdict(TrainConfig()), "")
    return tuple(keys)


class UserFilesFirst(SearchPathPlugin):  # type: ignore[misc]
    """Puts the user's `conf/` before the project's in Hydra's search, and leaves other programs' searches alone."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Add the folders that are searched before the project's."""
        *before, project = conf_roots()
        if any(one.path in (str(project), f"file://{project}") for one in search_path.get_path()):
            for root in before:
                search_path.prepend("user", f"file://{root}", anchor="main")


def register() -> None:
    """Make known to Hydra the schema, where files are looked up, and the choices that are not files."""
    _register(conf_roots())


@functools.lru_cache(maxsize=1)
def _register(roots: tuple[Path, ...]) -> None:
    """`roots` is where files are looked up: what is a file in one folder may not be one in the next."""
    Plugins.instance().register(UserFilesFirst)
    store = ConfigStore.instance()
    store.store(name="schema", node=unset(asdict(TrainConfig())))
    for group in ("objective", *NAMED):
        for name in house_choices(group):
            store.repo.get(group, {}).pop(f"{name}.yaml", None)
            if choice_file(group, name) is None:
                store.store(group=group, name=name, node=choice_values(group, name))
