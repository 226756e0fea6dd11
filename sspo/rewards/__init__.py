"""One reward per file, which exports `score`: (text, answer) -> Score, pure and bounded in time.

The folder is the table: a new reward is one new file, and its name is the value of reward.name.

exact_answer  1 for the right answer
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sspo.config.folder_table import FolderTable
from sspo.types import Score

Reward = Callable[[str, str], Score]

REWARDS: Mapping[str, Reward] = FolderTable("sspo.rewards", "score")
