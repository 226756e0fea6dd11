"""AIME 2025: 30 questions, answers from 0 to 999.

Source of id and split: Infini-AI-Lab/astraflow, examples/math/offline/download_math_datasets.py at 93517ce; columns:
Jellyfish042/rwkv_mmlu, prepare_data/prepare_aime2025.py.
"""

from __future__ import annotations

from sspo.questions.columns import Columns
from sspo.questions.named_set import NamedSet

SET = NamedSet(
    hub="math-ai/aime25",
    columns=Columns(question="problem"),
)
