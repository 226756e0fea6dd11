"""AMC 12 of 2022 and 2023: 83 questions, usually called AMC23 (some use only the 40 of 2023).

Source of id, split and columns: Urheen/SFPO, Code/SFPO/examples/data_preprocess/test_amc.py at c75fdbd. Its answers are numbers
with a decimal point, 142.0, which are read as 142.
"""

from __future__ import annotations

from sspo.questions.columns import Columns
from sspo.questions.named_set import NamedSet

SET = NamedSet(
    hub="AI-MO/aimo-validation-amc",
    test="train",
    columns=Columns(question="problem"),
)
