"""MATH with a training split, of 12,000 questions according to its name, and an evaluation split.

Source of id, splits and columns: hiyouga/EasyR1, examples/config.yaml at 0243608.
"""

from __future__ import annotations

from sspo.questions.columns import Columns
from sspo.questions.named_set import NamedSet

SET = NamedSet(
    hub="hiyouga/math12k",
    train="train",
    columns=Columns(question="problem"),
)
