"""Rewards -> advantages. reward_PG holds the G responses of each of P prompts, tokens_PG their lengths.

A group of one, or of equal rewards, has zero advantage wherever the group is the baseline; `whitened` knows no groups,
and is zero where all rewards of the rollout are equal.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

STD_EPSILON = 1e-6
"""verl's; TRL adds 1e-4, OpenRLHF 1e-9, oat 1e-8: no paper names one."""
LEAST_VARIANCE = 1e-8
"""What the variance is kept above when whitening, as in OpenRLHF, the code of the REINFORCE++ authors."""


def group_mean(reward_PG: torch.Tensor, tokens_PG: torch.Tensor | None = None) -> torch.Tensor:
    """r - mean_g (Dr.GRPO, arXiv 2503.20783)."""
    del tokens_PG
    return _zero_where_equal(reward_PG - reward_PG.mean(1, keepdim=True), reward_PG)


def group_norm(reward_PG: torch.Tensor, tokens_PG: torch.Tensor | None = None) -> torch.Tensor:
    """(r - mean_g) / (std_g + 1e-6) with the unbiased std (GRPO, arXiv 2402.03300)."""
    del tokens_PG
    if reward_PG.shape[1] == 1:
        return torch.zeros_like(reward_PG)
    return group_mean(reward_PG) / (reward_PG.std(1, keepdim=True) + STD_EPSILON)


def leave_one_out(reward_PG: torch.Tensor, tokens_PG: torch.Tensor | None = None) -> torch.Tensor:
    """r_i - mean of the group's other rewards = (r_i - mean_g) G / (G - 1) (RLOO, arXiv 2402.14740)."""
    del tokens_PG
    group = reward_PG.shape[1]
    return group_mean(reward_PG) * (group / max(group - 1, 1))


def whitened(reward_PG: torch.Tensor, tokens_PG: torch.Tensor) -> torch.Tensor:
    """(r - mean) / std over all response tokens of the rollout (REINFORCE++, arXiv 2501.03262v9, without its KL).

    The paper's statistics run over tokens, so longer responses weigh more. The standard deviation is the population's,
    as in OpenRLHF; verl takes the unbiased one, a factor sqrt((N - 1) / N) for N tokens.
    """
    return _whiten(reward_PG, tokens_PG)


def group_mean_whitened(reward_PG: torch.Tensor, tokens_PG: torch.Tensor) -> torch.Tensor:
    """r - mean_g, then whitened over the rollout (REINFORCE++ with baseline, arXiv 2501.03262v9).

    A group of equal rewards has r - mean_g = 0; whitening moves it by the rollout's token-weighted mean, which is 0 only
    where lengths do not depend on rewards.
    """
    return _whiten(group_mean(reward_PG), tokens_PG)


def _whiten(value_PG: torch.Tensor, tokens_PG: torch.Tensor) -> torch.Tensor:
    weight_PG = tokens_PG.to(value_PG.dtype) / tokens_PG.sum().clamp(min=1)
    centred_PG = value_PG - (weight_PG * value_PG).sum()
    variance = (weight_PG * centred_PG * centred_PG).sum()
    equal = value_PG.amax() == value_PG.amin()
    return torch.where(equal, 0.0, centred_PG / variance.clamp(min=LEAST_VARIANCE).sqrt())


def _zero_where_equal(advantage_PG: torch.Tensor, reward_PG: torch.Tensor) -> torch.Tensor:
    """Exactly zero: the mean of sixteen times 0.1 is not 0.1 in float32, and epsilon would blow the rest up."""
    equal_P1 = reward_PG.amax(1, keepdim=True) == reward_PG.amin(1, keepdim=True)
    return torch.where(equal_P1, 0.0, advantage_PG)


ADVANTAGES: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "group_norm": group_norm,
    "group_mean": group_mean,
    "leave_one_out": leave_one_out,
    "whitened": whitened,
    "group_mean_whitened": group_mean_whitened,
}
