"""Rewards of a group -> advantages. reward_PG holds the G responses of each of P prompts.

A group of one, or of equal rewards, has zero advantage.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

STD_EPSILON = 1e-6


def group_mean(reward_PG: torch.Tensor) -> torch.Tensor:
    """r - mean_g (Dr.GRPO, arXiv 2503.20783)."""
    return reward_PG - reward_PG.mean(1, keepdim=True)


def group_norm(reward_PG: torch.Tensor) -> torch.Tensor:
    """(r - mean_g) / (std_g + 1e-6) with the unbiased std (GRPO, arXiv 2402.03300)."""
    if reward_PG.shape[1] == 1:
        return torch.zeros_like(reward_PG)
    return group_mean(reward_PG) / (reward_PG.std(1, keepdim=True) + STD_EPSILON)


ADVANTAGES: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "group_norm": group_norm,
    "group_mean": group_mean,
}
