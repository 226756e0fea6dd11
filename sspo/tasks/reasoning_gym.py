"""Questions that reasoning-gym makes: `task=reasoning_gym task.train=chain_sum task.eval=[chain_sum,products]`."""

from __future__ import annotations

from sspo.config import TaskConfig
from sspo.questions.generated import PREFIX
from sspo.questions.task import QuestionTask, open_questions


def open_task(config: TaskConfig) -> QuestionTask:
    """The task; it has no sets of its own, so task.eval must name some. A plain name is one of reasoning-gym's."""
    return open_questions(config, None, (), PREFIX)
