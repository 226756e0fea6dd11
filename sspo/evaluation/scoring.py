"""Responses -> scores: decode, then apply the reward."""

from __future__ import annotations

from collections.abc import Sequence

from sspo.models.policy import Policy
from sspo.rewards import Reward
from sspo.types import Problem, Response, Rollout, Score


def score_rollout(
    problems: Sequence[Problem], rollout: Rollout, policy: Policy, reward: Reward, limit: int
) -> list[Score]:
    """Return one Score per row; row i answers problem i // G. `limit` is the token limit that rows were sampled under."""
    responses = responses_of(rollout, policy, limit)
    group = len(responses) // len(problems)
    return reward.score([problems[i // group] for i in range(len(responses))], responses)


def responses_of(rollout: Rollout, policy: Policy, limit: int) -> list[Response]:
    """Return the inputs of a reward, row by row."""
    texts = policy.decode(rollout.response_BT, rollout.mask_BT)
    lengths, truncated = rollout.mask_BT.sum(1).tolist(), rollout.truncated_B.tolist()
    return [
        Response(text=text, tokens=tokens, limit=limit, truncated=cut)
        for text, tokens, cut in zip(texts, lengths, truncated, strict=True)
    ]
