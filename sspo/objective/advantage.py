"""Rewards of a group -> advantages. reward_PG holds the G responses of each of P prompts.

A group of one, or of equal rewards, has zero advantage.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

STD_EPSILON = 1e-6


def group_mean(reward_PG: torch.Tensor) -> torch.Tensor:
    """r - mean_g (Dr.GRPO, arXiv 2503.20783)."""
    return _zero_where_equal(reward_PG - reward_PG.mean(1, keepdim=True), reward_PG)


def group_norm(reward_PG: torch.Tensor) -> torch.Tensor:
    """(r - mean_g) / (std_g + 1e-6) with the unbiased std (GRPO, arXiv 2402.03300)."""
    if reward_PG.shape[1] == 1:
        return torch.zeros_like(reward_PG)
    return group_mean(reward_PG) / (reward_PG.std(1, keepdim=True) + STD_EPSILON)


def _zero_where_equal(advantage_PG: torch.Tensor, reward_PG: torch.Tensor) -> torch.Tensor:
    """Exactly zero: the mean of sixteen times 0.1 is not 0.1 in float32, and epsilon would blow the rest up."""
    equal_P1 = reward_PG.amax(1, keepdim=True) == reward_PG.amin(1, keepdim=True)
    return torch.where(equal_P1, 0.0, advantage_PG)


ADVANTAGES: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "group_norm": group_norm,
    "group_mean": group_mean,
}
