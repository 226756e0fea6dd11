"""1 if the response has exactly one box, closed and not empty, whatever its content: \\boxed{...}."""

from __future__ import annotations

from sspo.config import RewardConfig
from sspo.grading.answer import closed_boxes, unclosed_boxes
from sspo.rewards import PerAnswer
from sspo.types import Score


def score(text: str, answer: str) -> Score:
    """Return Score(1, ok) or Score(0, wrong); the right answer is ignored."""
    del answer
    boxes = closed_boxes(text)
    one = len(boxes) == 1 and bool(boxes[0].content.strip()) and not unclosed_boxes(text)
    return Score(value=float(one), status="ok" if one else "wrong")


def open_reward(config: RewardConfig) -> PerAnswer:
    """Return the reward; it has no options."""
    del config
    return PerAnswer(score, statuses=("ok", "wrong"))
