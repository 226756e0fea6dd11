"""The checked questions of a task: those of its sets, and those that it trains on."""

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
class Asked:
    """The checked questions of one set: the first ones, as in an evaluation."""

    name: str
    problems: Sequence[Problem]

    @property
    def digest(self) -> str:
        """Return a hash of ids, questions and right answers."""
        return digest_of(self.problems)[:DIGITS]


@dataclass(frozen=True)
class Training:
    """The training questions of a task."""

    name: str
    problems: Sequence[Problem]
    whole: bool
    """True if these are all training questions; if they are generated, they are those that one run would draw."""

    @property
    def digest(self) -> str:
        """Return a hash of ids, questions and right answers."""
        return digest_of(self.problems)[:DIGITS]


def asked_of(task: Task, questions: int) -> list[Asked]:
    """Return the first `questions` of every set of a task, all if a set has fewer."""
    return [Asked(name, task.eval_problems(name, questions)) for name in task.eval_sets]


def training_of(task: Task, config: TrainConfig) -> Training:
    """Return the training questions. Raises UserError if the task has none."""
    if not task.trains:
        raise UserError(
            f"task={config.task.name} has no training questions to search for overlap: set task.train=FILE or a set with "
            "some, such as gsm8k, or checks=[completion]"
        )
    name = training_name(config.task.train, config.task.name)
    if isinstance(task, QuestionTask) and isinstance(task.train, QuestionSet):
        return Training(name, task.train.load(), whole=True)
    drawn = list(chain.from_iterable(_drawn(task, config)))
    if not drawn:
        raise UserError(
            "trainer.rollouts=0: such a run draws no training questions to search for overlap; raise it, or set "
            "checks=[completion]"
        )
    return Training(name, drawn, whole=False)


def _drawn(task: Task, config: TrainConfig) -> Iterator[list[Problem]]:
    for rollout in range(config.trainer.rollouts):
        yield task.train_problems(config.seed, rollout, config.rollout.prompts)


@dataclass(frozen=True)
class Part:
    """A share of a question, and the text after it."""

    set: str
    question: str
    share: float | None
    """None if no model is used."""
    shown: str | None = None
    """None if no model is used, or the question has only one word."""
    rest: str = ""


def parts_of(asked: Sequence[Asked], shares: Sequence[float | None]) -> list[Part]:
    """Return every question at every share, in processing order: shares of a set are adjacent."""
    return [
        _part(one.name, problem.id, problem.prompt, share)
        for one in asked
        for share in shares
        for problem in one.problems
    ]


def _part(name: str, question: str, text: str, share: float | None) -> Part:
    sides = None if share is None else cut(text, share)
    return Part(name, question, share) if sides is None else Part(name, question, share, *sides)
