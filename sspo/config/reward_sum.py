"""Parsing of reward.also: `name*weight` each, rewards that are added to reward.name in training."""

from __future__ import annotations

import math
from collections.abc import Sequence

from sspo.config.plugins.table import check, find, label_of
from sspo.config.schema import REWARD_NAMES, RewardConfig
from sspo.errors import NoEffect, UserError, shown

KEY = "reward.also"


def weights(config: RewardConfig) -> list[tuple[str, float]]:
    """Return each further reward's name and weight, in their order. Raises UserError."""
    found = [_read(text) for text in config.also]
    names = [label_of("reward", name, REWARD_NAMES) for name in (config.name, *(name for name, _ in found))]
    for name in names[1:]:
        if names.count(name) > 1:
            raise UserError(
                f"{KEY} names '{name}' twice, or it is reward.name already: give each reward one weight"
            )
    return found


def names_in_use(config: RewardConfig) -> Sequence[str]:
    """Return every reward of a run, the one used for evaluation first. Raises UserError."""
    return [config.name, *(name for name, _ in weights(config))]


def check_options(config: RewardConfig) -> None:
    """Raise UserError for options that no reward in use reads: those of the house have none."""
    if config.options and not any(find("reward", name, REWARD_NAMES) for name in names_in_use(config)):
        raise NoEffect(
            "reward.options",
            f"reward.options={list(config.options)} has no effect: reward={config.name} reads none; leave it out",
        )


def _read(text: str) -> tuple[str, float]:
    name, star, number = (part.strip() for part in text.partition("*"))
    if star:
        check("reward", name, REWARD_NAMES, KEY)
    try:
        weight = float(number)
    except ValueError:
        weight = math.nan
    if not star or not math.isfinite(weight) or weight == 0:
        raise UserError(f"{KEY} takes a reward and its weight, such as 'brevity*0.05', got {shown(text)}")
    return name, weight
