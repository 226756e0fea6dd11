"""The rows that a configuration names and uses, and those that a command line also names."""

from __future__ import annotations

import re
from collections.abc import Iterable

from sspo.config import SegmentationConfig, TrainConfig
from sspo.config.folder_table import defines
from sspo.config.plugins import installed
from sspo.config.plugins.kinds import KINDS
from sspo.config.plugins.own_file import OwnFile, is_file
from sspo.config.reward_sum import names_in_use

PARTS = re.compile(r"[\[\],*'\"\s]+")
"""Separators around names in a list of them."""


def rules_in_use(rule: SegmentationConfig) -> list[str]:
    """Return the rule's name, and that of the rule whose lengths or count it uses."""
    return [getattr(rule, key) for key in _rule_keys(rule)]


def group_rules_in_use(rule: SegmentationConfig) -> list[str]:
    """Return those of the rules in use that group tokens instead of cutting a response."""
    return [name for name in rules_in_use(rule) if defines("sspo.segmentation.rules", name, "groups")]


def rows_in_use(config: TrainConfig) -> list[tuple[str, str, str]]:
    """Return (kind, option, name) of each row that a run executes. An objective's row is not executed: it is in the values."""
    rewards = names_in_use(config.reward)
    return [
        ("task", "task.name", config.task.name),
        ("reward", "reward.name", rewards[0]),
        *(("reward", "reward.also", name) for name in rewards[1:]),
        ("term", "objective.term", config.objective.term),
        *(
            ("rule", f"segmentation.{key}", getattr(config.segmentation, key))
            for key in _rule_keys(config.segmentation)
        ),
    ]


def files_in_use(config: TrainConfig) -> dict[str, str]:
    """Return the user files that a run executes: name to the option that names it."""
    return {name: key for _, key, name in rows_in_use(config) if is_file(name)}


def digests_in_use(config: TrainConfig) -> dict[str, str]:
    """Return the digest of every user file that a run executes, by its name. Raises UserError for one that cannot be read."""
    return {
        name: OwnFile(KINDS[word], key, name).digest
        for word, key, name in rows_in_use(config)
        if is_file(name)
    }


def packages_in_use(config: TrainConfig) -> list[str]:
    """Return the installed packages that offer rows of a run."""
    found = (installed.find(KINDS[word], key, name, ()) for word, key, name in rows_in_use(config))
    return sorted({installed.package(row.point) for row in found if row is not None})


def rule_files(rule: SegmentationConfig) -> dict[str, str]:
    """Return the files among the rules in use: option to name."""
    return {
        f"segmentation.{key}": getattr(rule, key) for key in _rule_keys(rule) if is_file(getattr(rule, key))
    }


def files_in_words(words: Iterable[str]) -> set[str]:
    """Return the files that `key=value` words name."""
    values = (word.partition("=")[2] for word in words)
    return {part for value in values for part in (value.strip("'\""), *PARTS.split(value)) if is_file(part)}


def _rule_keys(rule: SegmentationConfig) -> list[str]:
    keys = ["rule"]
    keys += ["random_like"] if rule.rule == "random" else []
    names = [getattr(rule, key) for key in keys]
    keys += ["fixed_like"] if "fixed" in names and rule.fixed_like is not None else []
    return keys
