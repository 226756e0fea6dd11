"""One task per file, which exports `TASK`: seeded problems with a checkable answer.

The folder is the table: a new task is one new file, and its name is the value of task.name.

chain  chains of single-digit arithmetic
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from sspo.config.folder_table import FolderTable
from sspo.types import Problem


class Task(Protocol):
    """What the trainer asks of a task."""

    @property
    def files(self) -> Sequence[Path]:
        """What its problems are read from. The content of these files is part of a cell's name."""
        ...

    @property
    def eval_sets(self) -> Sequence[str]:
        """Names of the held-out sets, in the order of a table's columns."""
        ...

    def train_problems(self, seed: int, rollout: int, count: int) -> list[Problem]:
        """The prompts of one rollout; a function of (seed, rollout) alone."""
        ...

    def eval_problems(self, name: str, count: int) -> list[Problem]:
        """The first `count` questions of a held-out set."""
        ...

    def gold_answer(self, problem: Problem) -> str:
        """A response that must score 1.0."""
        ...


TASKS: Mapping[str, Task] = FolderTable("sspo.tasks", "TASK")
