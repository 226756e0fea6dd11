"""HMMT of February 2026: 33 questions.

Source of id and columns: scitix/sieval, pull request 16, which uses the set that MathArena itself uses.
"""

from __future__ import annotations

from sspo.questions.columns import Columns
from sspo.questions.named_set import NamedSet

SET = NamedSet(
    hub="MathArena/hmmt_feb_2026",
    test="train",
    columns=Columns(question="problem", id="problem_idx"),
)
