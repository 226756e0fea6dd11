"""MATH, questions of level 3 to 5; the right answer is the content of the worked solution's last box.

Source of id, splits and columns: volcengine/verl, examples/data_preprocess/math_dataset.py at 341ecbc. Public code handles levels
written as `Level 3` and as 3, so both are accepted.
"""

from __future__ import annotations

from sspo.questions.columns import Columns
from sspo.questions.named_set import NamedSet

SET = NamedSet(
    hub="DigitalLearningGmbH/MATH-lighteval",
    train="train",
    gold="boxed",
    only=("level", "Level 3", "Level 4", "Level 5", "3", "4", "5"),
    columns=Columns(question="problem", answer="solution"),
)
