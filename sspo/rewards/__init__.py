"""One reward a file: (text, answer) -> Score; pure and bounded in time. A new reward is a file and a row here.

exact_answer  1 for the right answer
overlong      the penalty on long responses
"""

from __future__ import annotations

from collections.abc import Callable

from sspo.rewards.exact_answer import exact_answer
from sspo.types import Score

Reward = Callable[[str, str], Score]

REWARDS: dict[str, Reward] = {"exact_answer": exact_answer}
