"""One reward per file, which exports `open_reward`: (config) -> Reward.

The folder is the table: a new reward is one new file, and its name is the value of reward.name.

exact_answer  1 for the right answer
math_verify   1 for a right answer according to math-verify
boxed_format  1 for exactly one box
brevity       1 - tokens / limit
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from sspo.config import REWARD_NAMES, RewardConfig
from sspo.config.folder_table import FolderTable
from sspo.config.plugins.table import Plugin, PluginTable, label_of, maker
from sspo.config.reward_sum import weights
from sspo.errors import UserError
from sspo.types import Problem, Response, Score


class Reward(Protocol):
    """Scores responses. It is pure: a score is a function of the problem and the response alone, whatever the load."""

    @property
    def statuses(self) -> Sequence[str]:
        """Return the states of sspo.types.STATUSES that its scores can have, besides `truncated`."""
        ...

    def check(self, problems: Iterable[Problem]) -> None:
        """Raise UserError, before any work, if problems have right answers that it cannot read."""
        ...

    def score(self, problems: Sequence[Problem], responses: Sequence[Response]) -> list[Score]:
        """Return one Score per response; response i answers problem i."""
        ...

    def answers(self, responses: Sequence[Response]) -> list[str | None]:
        """Return the answer of each response, with equal texts for equal answers; None if it gives none, or was
        truncated.
        """
        ...


@dataclass(frozen=True)
class PerAnswer:
    """A reward that is a function of one text and one right answer, bounded in time. A truncated response scores 0."""

    judge: Callable[[str, str], Score]
    statuses: Sequence[str] = ("ok", "wrong", "unparsable")
    answer: Callable[[str], str | None] = lambda text: None
    """Returns the answer of a text; a reward without answers leaves it at None."""

    def check(self, problems: Iterable[Problem]) -> None:
        """Accept any right answer."""

    def score(self, problems: Sequence[Problem], responses: Sequence[Response]) -> list[Score]:
        """See Reward. Of several right answers the best score counts."""
        return [self._one(problem, response) for problem, response in zip(problems, responses, strict=True)]

    def answers(self, responses: Sequence[Response]) -> list[str | None]:
        """See Reward."""
        return [None if response.truncated else self.answer(response.text) for response in responses]

    def _one(self, problem: Problem, response: Response) -> Score:
        if response.truncated:
            return Score(value=0.0, status="truncated")
        return max((self.judge(response.text, gold) for gold in problem.golds), key=lambda score: score.value)


MEMBERS = ("statuses", "check", "score", "answers")


@dataclass(frozen=True)
class OwnReward:
    """A reward of a user's own, whose scores are checked before anything is learned from them."""

    reward: Reward
    said: str
    """The option and the name, for messages."""

    @property
    def statuses(self) -> Sequence[str]:
        """Return the reward's statuses."""
        return self.reward.statuses

    def check(self, problems: Iterable[Problem]) -> None:
        """See Reward."""
        self.reward.check(problems)

    def score(self, problems: Sequence[Problem], responses: Sequence[Response]) -> list[Score]:
        """See Reward. Raises UserError unless there is one Score with a finite number per response."""
        scores = list(self.reward.score(problems, responses))
        if len(scores) != len(responses):
            raise UserError(
                f"{self.said} must give one score per response, got {len(scores)} for {len(responses)}"
            )
        for score in scores:
            if not isinstance(score, Score):
                raise UserError(
                    f"{self.said} must give scores of sspo.types.Score, got {type(score).__name__}"
                )
            if not isinstance(score.value, int | float) or not math.isfinite(score.value):
                raise UserError(f"{self.said} must give finite numbers, got Score(value={score.value!r})")
        return scores

    def answers(self, responses: Sequence[Response]) -> list[str | None]:
        """See Reward."""
        return self.reward.answers(responses)


def _own(plugin: Plugin) -> Callable[[RewardConfig], Reward]:
    """Return a user's own `open_reward`, whose result is checked."""
    reward, said = maker(plugin, MEMBERS), f"{plugin.key}={plugin.name}"
    return lambda config: OwnReward(reward(config), said)


REWARDS: Mapping[str, Callable[[RewardConfig], Reward]] = PluginTable(
    "reward", FolderTable("sspo.rewards", "open_reward"), _own
)


@dataclass(frozen=True)
class Sum:
    """A reward, and others with their weights added to it. The status of a score is the main reward's."""

    main: Reward
    name: str
    others: Sequence[tuple[str, float, Reward]]
    """Name, weight and reward of each."""

    @property
    def statuses(self) -> Sequence[str]:
        """Return the main reward's statuses."""
        return self.main.statuses

    def check(self, problems: Iterable[Problem]) -> None:
        """Check the problems with every reward."""
        asked = list(problems)
        for reward in (self.main, *(other for _, _, other in self.others)):
            reward.check(asked)

    def score(self, problems: Sequence[Problem], responses: Sequence[Response]) -> list[Score]:
        """See Reward. `parts` holds each reward's value before its weight, the main one's first."""
        added = [reward.score(problems, responses) for _, _, reward in self.others]
        return [
            replace(
                score,
                value=score.value + sum(w * o.value for (_, w, _), o in zip(self.others, more, strict=True)),
                parts=(
                    (self.name, score.value),
                    *((name, o.value) for (name, _, _), o in zip(self.others, more, strict=True)),
                ),
            )
            for score, *more in zip(self.main.score(problems, responses), *added, strict=True)
        ]

    def answers(self, responses: Sequence[Response]) -> list[str | None]:
        """Return the main reward's answers."""
        return self.main.answers(responses)


def with_others(main: Reward, config: RewardConfig) -> Reward:
    """Return the sum for training: the main reward and those of reward.also; the main one itself if there are none."""
    others = [(part_name(name), weight, REWARDS[name](config)) for name, weight in weights(config)]
    return Sum(main, part_name(config.name), others) if others else main


def part_name(name: str) -> str:
    """Return a reward's name in logs: without the path of a user's file."""
    return label_of("reward", name, REWARD_NAMES)


def open_reward(config: RewardConfig) -> Reward:
    """Return the reward that a configuration names."""
    return REWARDS[config.name](config)
