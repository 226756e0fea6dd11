"""Responses -> scores: decode, then ask the reward; a response cut at the token limit scores as truncated."""

from __future__ import annotations

from collections.abc import Sequence

from sspo.models.policy import Policy
from sspo.rewards import Reward
from sspo.types import Problem, Rollout, Score


def score_rollout(
    problems: Sequence[Problem], rollout: Rollout, policy: Policy, reward: Reward
) -> list[Score]:
    """One Score a row; row i answers problem i // G."""
    texts = policy.decode(rollout.response_BT, rollout.mask_BT)
    group = len(texts) // len(problems)
    return [
        Score(value=0.0, status="truncated") if truncated else reward(text, problems[i // group].answer)
        for i, (text, truncated) in enumerate(zip(texts, rollout.truncated_B.tolist(), strict=True))
    ]
