"""1 for an empty response, falling linearly to 0 at the token limit, whatever its content.

The plainest length reward, from no paper. Kimi k1.5's (arXiv 2501.12599) compares a response with the others of its
group instead, and DAPO's overlong penalty (reward.overlong_buffer) affects only the last tokens before the limit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sspo.config import RewardConfig
from sspo.types import Problem, Response, Score


@dataclass(frozen=True)
class Brevity:
    """The reward. Every response that ends has status ok."""

    statuses: Sequence[str] = ("ok",)

    def check(self, problems: Iterable[Problem]) -> None:
        """Accept every problem."""

    def score(self, problems: Sequence[Problem], responses: Sequence[Response]) -> list[Score]:
        """See Reward."""
        return [
            Score(
                value=1 - response.tokens / response.limit, status="truncated" if response.truncated else "ok"
            )
            for _, response in zip(problems, responses, strict=True)
        ]

    def answers(self, responses: Sequence[Response]) -> list[str | None]:
        """Return None for each response: this reward reads no answer."""
        return [None] * len(responses)


def open_reward(config: RewardConfig) -> Brevity:
    """Return the reward; it has no options."""
    del config
    return Brevity()
