"""MATH-500: 500 questions of MATH's test split.

Source of id, split and columns: huggingface/lighteval, src/lighteval/tasks/tasks/math_500.py at 01a0033.
"""

from __future__ import annotations

from sspo.questions.columns import Columns
from sspo.questions.named_set import NamedSet

SET = NamedSet(
    hub="HuggingFaceH4/MATH-500",
    columns=Columns(question="problem", id="unique_id"),
)
