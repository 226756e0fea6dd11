"""Parsing of reward.also: `name*weight` each, rewards that are added to reward.name in training."""

from __future__ import annotations

import math
from collections.abc import Sequence

from sspo.config.schema import REWARD_NAMES, RewardConfig
from sspo.errors import UserError, shown, unknown

KEY = "reward.also"


def weights(config: RewardConfig) -> list[tuple[str, float]]:
    """Return each further reward's name and weight, in their order. Raises UserError."""
    found = [_read(text) for text in config.also]
    names = [config.name, *(name for name, _ in found)]
    for name, _ in found:
        if names.count(name) > 1:
            raise UserError(
                f"{KEY} names '{name}' twice, or it is reward.name already: give each reward one weight"
            )
    return found


def names_in_use(config: RewardConfig) -> Sequence[str]:
    """Return every reward of a run, the one used for evaluation first. Raises UserError."""
    return [config.name, *(name for name, _ in weights(config))]


def _read(text: str) -> tuple[str, float]:
    name, star, number = (part.strip() for part in text.partition("*"))
    if star and name not in REWARD_NAMES:
        raise unknown(KEY, name, REWARD_NAMES)
    try:
        weight = float(number)
    except ValueError:
        weight = math.nan
    if not star or not math.isfinite(weight) or weight == 0:
        raise UserError(f"{KEY} takes a reward and its weight, such as 'brevity*0.05', got {shown(text)}")
    return name, weight
