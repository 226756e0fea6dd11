"""1 for a right answer according to math-verify: boxed, or the last one of the text (docs/graders.md).

Grading runs in separate processes (sspo/grading), limited in processor seconds and memory, so that an answer that uses
up either is `timeout` or `crashed` on any machine under any load. A truncated response is not graded, even if it
contains a closed box, because it did not end. A second grader with a parser of its own checks a sample of the answers;
its status is recorded beside the first one's and changes no value.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sspo.config import RewardConfig
from sspo.grading.golds import check_golds
from sspo.grading.graders import Graders
from sspo.types import Problem, Response, Score


@dataclass(frozen=True)
class MathVerify:
    """The reward, with its processes."""

    graders: Graders
    second: int
    """Number of answers per call that the second grader checks."""
    statuses: Sequence[str] = ("ok", "wrong", "unparsable", "timeout", "crashed")

    def check(self, problems: Iterable[Problem]) -> None:
        """Raise UserError if right answers cannot be read."""
        check_golds(problems, self.graders)

    def score(self, problems: Sequence[Problem], responses: Sequence[Response]) -> list[Score]:
        """See Reward. Of several right answers the best score counts."""
        ended = [i for i, response in enumerate(responses) if not response.truncated]
        texts, golds = [responses[i].text for i in ended], [problems[i].golds for i in ended]
        scores = [Score(value=0.0, status="truncated")] * len(responses)
        for i, status in zip(ended, self.graders.grade(texts, golds), strict=True):
            scores[i] = Score(value=float(status == "ok"), status=status)
        for i in self._seen_twice(ended, responses):
            scores[i] = replace(scores[i], second=second_opinion(responses[i].text, problems[i].golds))
        return scores

    def answers(self, responses: Sequence[Response]) -> list[str | None]:
        """See Reward; the second grader's parser reads them (sspo/grading/vote.py)."""
        from sspo.grading.vote import vote

        return [None if response.truncated else vote(response.text) for response in responses]

    def _seen_twice(self, ended: Sequence[int], responses: Sequence[Response]) -> list[int]:
        if any(response.twice is not None for response in responses):
            return [i for i in ended if responses[i].twice]
        return spread(ended, self.second)


def second_opinion(text: str, golds: Sequence[str]) -> str:
    """Return the second grader's status."""
    from sspo.grading.second.grader import judge

    return str(judge(text, golds).status)


def spread(rows: Sequence[int], most: int) -> list[int]:
    """Return at most `most` of the rows, evenly spaced: a sample that draws no random number."""
    count = min(most, len(rows))
    return [rows[k * len(rows) // count] for k in range(count)]


def open_reward(config: RewardConfig) -> MathVerify:
    """Return the reward; its processes start with the first answer. Raises UserError if math-verify is not installed."""
    return MathVerify(Graders(config), config.second)
