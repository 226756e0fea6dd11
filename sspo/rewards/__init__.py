"""One reward per file, which exports `open_reward`: (config) -> Reward.

The folder is the table: a new reward is one new file, and its name is the value of reward.name.

exact_answer  1 for the right answer
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sspo.config import RewardConfig
from sspo.config.folder_table import FolderTable
from sspo.types import Problem, Response, Score


class Reward(Protocol):
    """Scores responses. It is pure: a score is a function of the problem and the response alone, whatever the load."""

    @property
    def statuses(self) -> Sequence[str]:
        """The states of sspo.types.STATUSES that a score of it can have, besides `truncated`."""
        ...

    def score(self, problems: Sequence[Problem], responses: Sequence[Response]) -> list[Score]:
        """One Score a response; response i answers problem i."""
        ...


@dataclass(frozen=True)
class PerAnswer:
    """A reward that is a function of one text and one right answer, bounded in time. A truncated response scores 0."""

    judge: Callable[[str, str], Score]
    statuses: Sequence[str] = ("ok", "wrong", "unparsable")

    def score(self, problems: Sequence[Problem], responses: Sequence[Response]) -> list[Score]:
        """See Reward. Of several right answers the best score counts."""
        return [self._one(problem, response) for problem, response in zip(problems, responses, strict=True)]

    def _one(self, problem: Problem, response: Response) -> Score:
        if response.truncated:
            return Score(value=0.0, status="truncated")
        return max((self.judge(response.text, gold) for gold in problem.golds), key=lambda score: score.value)


REWARDS: Mapping[str, Callable[[RewardConfig], Reward]] = FolderTable("sspo.rewards", "open_reward")


def open_reward(config: RewardConfig) -> Reward:
    """The reward that a configuration names."""
    return REWARDS[config.name](config)
