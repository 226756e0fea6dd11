"""The questions of a task that are checked: those of its sets, and those that it trains on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from sspo.config import TrainConfig
from sspo.contamination.words import cut
from sspo.errors import UserError
from sspo.questions.question_set import QuestionSet, digest_of
from sspo.questions.task import QuestionTask
from sspo.runs.contamination import training_name
from sspo.tasks import Task
from sspo.types import Problem

DIGITS = 12


@dataclass(frozen=True)
class CheckedQuestions:
    """The questions of one set that are checked: the first ones, as an evaluation asks them."""

    name: str
    problems: Sequence[Problem]

    @property
    def digest(self) -> str:
        """A hash of ids, questions and right answers."""
        return digest_of(self.problems)[:DIGITS]


@dataclass(frozen=True)
class Training:
    """What a task trains on."""

    name: str
    problems: Sequence[Problem]
    whole: bool
    """Whether these are all training questions; where they are generated, they are those that one run would draw."""

    @property
    def digest(self) -> str:
        """A hash of ids, questions and right answers."""
        return digest_of(self.problems)[:DIGITS]


def asked_of(task: Task, questions: int) -> list[CheckedQuestions]:
    """The first `questions` of every set of a task, all where a set has fewer."""
    return [CheckedQuestions(name, task.eval_problems(name, questions)) for name in task.eval_sets]


def training_of(task: Task, config: TrainConfig) -> Training:
    """What the task trains on. Raises UserError where it has nothing for that."""
    if not task.trains:
        raise UserError(
            f"task={config.task.name} has no training questions to look for overlap in: give task.train=FILE or a set with "
            "some, as gsm8k, or checks=[completion]"
        )
    name = training_name(config.task.train, config.task.name)
    if isinstance(task, QuestionTask) and isinstance(task.train, QuestionSet):
        return Training(name, task.train.load(), whole=True)
    drawn = list(chain.from_iterable(_drawn(task, config)))
    if not drawn:
        raise UserError(
            "trainer.rollouts=0: a run of none draws no training questions to look for overlap in; give it some, or "
            "checks=[completion]"
        )
    return Training(name, drawn, whole=False)


def _drawn(task: Task, config: TrainConfig) -> Iterator[list[Problem]]:
    for rollout in range(config.trainer.rollouts):
        yield task.train_problems(config.seed, rollout, config.rollout.prompts)


@dataclass(frozen=True)
class Part:
    """A share of a question, and what comes after it."""

    set: str
    question: str
    share: float | None
    """None where no model is asked."""
    shown: str | None = None
    """None where no model is asked, or the question has only one word."""
    rest: str = ""


def parts_of(asked: Sequence[CheckedQuestions], shares: Sequence[float | None]) -> list[Part]:
    """Every question at every share, in the order in which they are asked: shares of a set lie together."""
    return [
        _part(one.name, problem.id, problem.prompt, share)
        for one in asked
        for share in shares
        for problem in one.problems
    ]


def _part(name: str, question: str, text: str, share: float | None) -> Part:
    sides = None if share is None else cut(text, share)
    return Part(name, question, share) if sides is None else Part(name, question, share, *sides)
