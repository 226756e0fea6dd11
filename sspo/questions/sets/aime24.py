"""AIME 2024: 30 questions, answers from 0 to 999.

Source of id, split and columns: huggingface/lighteval, src/lighteval/tasks/tasks/aime.py at 0d42edf; also
Infini-AI-Lab/astraflow, examples/math/offline/download_math_datasets.py at 93517ce.
"""

from __future__ import annotations

from sspo.questions.columns import Columns
from sspo.questions.named_set import NamedSet

SET = NamedSet(
    hub="HuggingFaceH4/aime_2024",
    test="train",
    columns=Columns(question="problem"),
)
