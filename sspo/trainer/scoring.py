"""Responses -> scores: decode, then ask the reward."""

from __future__ import annotations

from collections.abc import Sequence

from sspo.models.policy import Policy
from sspo.rewards import Reward
from sspo.types import Problem, Response, Rollout, Score


def score_rollout(
    problems: Sequence[Problem], rollout: Rollout, policy: Policy, reward: Reward, limit: int
) -> list[Score]:
    """One Score a row; row i answers problem i // G. `limit` is the token limit that rows were sampled under."""
    texts = policy.decode(rollout.response_BT, rollout.mask_BT)
    group = len(texts) // len(problems)
    responses = [
        Response(text=text, tokens=tokens, limit=limit, truncated=truncated)
        for text, tokens, truncated in zip(
            texts, rollout.mask_BT.sum(1).tolist(), rollout.truncated_B.tolist(), strict=True
        )
    ]
    return reward.score([problems[i // group] for i in range(len(texts))], responses)
