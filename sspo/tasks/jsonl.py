"""Questions from user-supplied JSON Lines files: `task=jsonl task.train=a.jsonl task.eval=[b.jsonl,c.jsonl]`."""

from __future__ import annotations

from sspo.config import TaskConfig
from sspo.questions.task import QuestionTask, open_questions


def open_task(config: TaskConfig) -> QuestionTask:
    """Return the task; it has no sets of its own, so task.eval must name some."""
    return open_questions(config, None, ())
