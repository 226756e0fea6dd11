"""Minerva's undergraduate questions: 272 of them.

Source of id, split and columns: Urheen/SFPO, Code/SFPO/examples/data_preprocess/test_minervamath.py at b3ee4ca.
"""

from __future__ import annotations

from sspo.questions.named_set import NamedSet

SET = NamedSet(
    hub="math-ai/minervamath",
)
