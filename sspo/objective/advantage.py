"""Rewards -> advantages.

Every function takes reward_PG, (P, G) float: the rewards of the G responses to each of P prompts, and tokens_PG, (P,
G): their lengths in tokens, which only the whitened ones use (the others accept None). Every function returns (P, G) in
the unit of the reward, or dimensionless if it divides by a standard deviation.

A group of size 1, or of equal rewards, has zero advantage if the group is the baseline. `whitened` ignores groups and
is zero if all rewards of the rollout are equal.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

STD_EPSILON = 1e-6
"""verl's value. TRL adds 1e-4, OpenRLHF 1e-9, oat 1e-8; no paper states one."""
LEAST_VARIANCE = 1e-8
"""Lower limit of the variance when whitening, as in OpenRLHF, the code of the REINFORCE++ authors."""


def group_mean(reward_PG: torch.Tensor, tokens_PG: torch.Tensor | None = None) -> torch.Tensor:
    """Return r - mean_g, (P, G) (Dr.GRPO, arXiv 2503.20783)."""
    del tokens_PG
    return _zero_where_equal(reward_PG - reward_PG.mean(1, keepdim=True), reward_PG)


def group_norm(reward_PG: torch.Tensor, tokens_PG: torch.Tensor | None = None) -> torch.Tensor:
    """Return (r - mean_g) / (std_g + 1e-6) with the unbiased std, (P, G) (GRPO, arXiv 2402.03300)."""
    del tokens_PG
    if reward_PG.shape[1] == 1:
        return torch.zeros_like(reward_PG)
    return group_mean(reward_PG) / (reward_PG.std(1, keepdim=True) + STD_EPSILON)


def leave_one_out(reward_PG: torch.Tensor, tokens_PG: torch.Tensor | None = None) -> torch.Tensor:
    """Return r_i - mean of the group's other rewards = (r_i - mean_g) G / (G - 1), (P, G) (RLOO, arXiv 2402.14740)."""
    del tokens_PG
    group = reward_PG.shape[1]
    return group_mean(reward_PG) * (group / max(group - 1, 1))


def whitened(reward_PG: torch.Tensor, tokens_PG: torch.Tensor) -> torch.Tensor:
    """Return (r - mean) / std over all response tokens of the rollout, (P, G) (REINFORCE++, arXiv 2501.03262v9, without
    its KL).

    The paper's statistics run over tokens, so longer responses weigh more. The standard deviation is the population's,
    as in OpenRLHF; verl uses the unbiased one, a factor of sqrt((N - 1) / N) for N tokens.
    """
    return _whiten(reward_PG, tokens_PG)


def group_mean_whitened(reward_PG: torch.Tensor, tokens_PG: torch.Tensor) -> torch.Tensor:
    """Return r - mean_g, whitened over the rollout, (P, G) (REINFORCE++ with baseline, arXiv 2501.03262v9).

    A group of equal rewards has r - mean_g = 0; whitening shifts it by the rollout's token-weighted mean, which is 0
    only if lengths do not depend on rewards.
    """
    return _whiten(group_mean(reward_PG), tokens_PG)


def _whiten(value_PG: torch.Tensor, tokens_PG: torch.Tensor) -> torch.Tensor:
    weight_PG = tokens_PG.to(value_PG.dtype) / tokens_PG.sum().clamp(min=1)
    centered_PG = value_PG - (weight_PG * value_PG).sum()
    variance = (weight_PG * centered_PG * centered_PG).sum()
    equal = value_PG.amax() == value_PG.amin()
    return torch.where(equal, 0.0, centered_PG / variance.clamp(min=LEAST_VARIANCE).sqrt())


def _zero_where_equal(advantage_PG: torch.Tensor, reward_PG: torch.Tensor) -> torch.Tensor:
    """Return advantages that are exactly zero for groups of equal rewards.

    The mean of sixteen times 0.1 is not 0.1 in float32, and dividing by epsilon would magnify the rest.
    """
    equal_P1 = reward_PG.amax(1, keepdim=True) == reward_PG.amin(1, keepdim=True)
    return torch.where(equal_P1, 0.0, advantage_PG)


ADVANTAGES: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "group_norm": group_norm,
    "group_mean": group_mean,
    "leave_one_out": leave_one_out,
    "whitened": whitened,
    "group_mean_whitened": group_mean_whitened,
}
