"""One task per file, which exports `open_task`: (config) -> Task, seeded problems with a checkable answer.

The folder is the table: a new task is one new file, and its name is the value of task.name. So is the name of a set of
questions (sspo/questions/sets): a task that evaluates on it, and trains on it where it has questions for that.

chain          chains of single-digit arithmetic
jsonl          files of one's own
reasoning_gym  what reasoning-gym generates
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from sspo.config import TaskConfig, TrainConfig
from sspo.config.folder_table import FolderTable
from sspo.config.plugins.table import Plugin, PluginTable, called, made
from sspo.errors import UserError
from sspo.questions.sets import SETS
from sspo.questions.task import open_questions
from sspo.types import Problem


class Task(Protocol):
    """What the trainer asks of a task."""

    @property
    def fingerprint(self) -> str | None:
        """A hash of the problems that it reads, which is part of a cell's name; None where the code alone makes them.

        A task that reads a file must hash its content here, or other data would be the same cell."""
        ...

    @property
    def eval_sets(self) -> Sequence[str]:
        """Names of the held-out sets, in the order of a table's columns."""
        ...

    @property
    def trains(self) -> bool:
        """Whether there are problems to train on."""
        ...

    def train_problems(self, seed: int, rollout: int, count: int) -> list[Problem]:
        """The prompts of one rollout; a function of (seed, rollout) alone."""
        ...

    def eval_problems(self, name: str, count: int) -> list[Problem]:
        """The first `count` questions of a held-out set."""
        ...

    def eval_size(self, name: str) -> int | None:
        """How many questions a held-out set has; None where it is generated and has no end."""
        ...


MEMBERS = ("fingerprint", "eval_sets", "trains", "train_problems", "eval_problems", "eval_size")


def _own(plugin: Plugin) -> Callable[[TaskConfig], Task]:
    """A user's own `open_task`, whose result is checked."""
    function = called(plugin)
    return lambda config: made(plugin, function(config), MEMBERS)


TASKS: Mapping[str, Callable[[TaskConfig], Task]] = PluginTable(
    "task", FolderTable("sspo.tasks", "open_task"), _own
)


def open_task(config: TaskConfig) -> Task:
    """The task that a configuration names. Raises UserError where its problems cannot be had."""
    if config.name in SETS:
        trains = SETS[config.name].train is not None
        return open_questions(config, config.name if trains else None, (config.name,))
    return TASKS[config.name](config)


def first_question(task: Task, config: TrainConfig) -> str:
    """The first question of a run: of its training, or of its evaluation where it does not train."""
    if config.trainer.rollouts:
        return task.train_problems(config.seed, 0, config.rollout.prompts)[0].prompt
    return task.eval_problems(task.eval_sets[0], 1)[0].prompt


def task_of(config: TrainConfig) -> Task:
    """The task of a run. Raises UserError where its problems cannot be had, or it is to train and has none for that."""
    task = open_task(config.task)
    if config.trainer.rollouts and not task.trains:
        trained = ", ".join(name for name in SETS if SETS[name].train is not None)
        raise UserError(
            f"task={config.task.name} has no questions to train on: give task.train=FILE or one of {trained}, or trainer.rollouts=0"
        )
    return task
