"""GSM8K, grade-school mathematics: 7,473 questions to train on, 1,319 to evaluate on; an answer ends in `#### 18`.

Source of id, configuration and splits: huggingface/lighteval, src/lighteval/tasks/tasks/gsm8k.py at 0d42edf; the form of answers:
openai/grade-school-math.
"""

from __future__ import annotations

from sspo.questions.named_set import NamedSet

SET = NamedSet(
    hub="openai/gsm8k",
    config="main",
    train="train",
    gold="hashes",
)
