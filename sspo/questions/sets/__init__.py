"""One set of questions per file, which exports `SET`, a NamedSet.

The folder is the table: a new set is one new file; its name is a value of task.name, and an entry of task.train and task.eval.
None of them was loaded from the hub itself when this was written: ids, splits and columns are those of the public code that
each file cites, and no source states a revision.

aime24          AIME 2024
aime25          AIME 2025
aime26          AIME 2026
amc23           AMC 12 of 2022 and 2023
gsm8k           grade-school mathematics
hmmt_feb26      HMMT of February 2026
math500         MATH-500
math_12k        MATH in a split to train on
math_level3to5  MATH, its harder questions
minerva         Minerva's undergraduate questions
olympiadbench   OlympiadBench, open-ended, English, without images
"""

from __future__ import annotations

from collections.abc import Mapping

from sspo.config.folder_table import FolderTable
from sspo.questions.named_set import NamedSet

SETS: Mapping[str, NamedSet] = FolderTable("sspo.questions.sets", "SET")
