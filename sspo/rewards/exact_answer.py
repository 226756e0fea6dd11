"""1 for `answer X .` with the right X, else 0. The last such statement counts."""

from __future__ import annotations

import re

from sspo.config import RewardConfig
from sspo.rewards import PerAnswer
from sspo.types import Score

STATEMENT = re.compile(r"\banswer (\S+) \.")


def score(text: str, answer: str) -> Score:
    """Return Score(1, ok), Score(0, wrong), or Score(0, unparsable) if no answer is stated."""
    statements = STATEMENT.findall(text)
    if not statements:
        return Score(value=0.0, status="unparsable")
    right = statements[-1] == answer
    return Score(value=float(right), status="ok" if right else "wrong")


def answer(text: str) -> str | None:
    """Return the answer in the last statement."""
    statements = STATEMENT.findall(text)
    return str(statements[-1]) if statements else None


def open_reward(config: RewardConfig) -> PerAnswer:
    """Return the reward; it has no options."""
    del config
    return PerAnswer(score, answer=answer)
