"""OlympiadBench, open-ended questions in English without images; a question may have several right answers.

Source of id, split and columns: Urheen/SFPO, Code/SFPO/examples/data_preprocess/test_olympiad.py at b3ee4ca.
"""

from __future__ import annotations

from sspo.questions.columns import Columns
from sspo.questions.named_set import NamedSet

SET = NamedSet(
    hub="math-ai/olympiadbench",
    gold="undollared",
    columns=Columns(answer="final_answer"),
)
