"""Numbers that others reported: shown below ours, separated by a rule, and used in no statistic."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Reported:
    """A published average, in percentage points."""

    label: str
    average: float


PAPER = "arXiv 2511.04256, Qwen2.5-Math-1.5B"
REPORTED = (
    Reported("SSPO as reported", 46.72),
    Reported("GSPO as reported", 44.42),
    Reported("GRPO as reported", 43.01),
)
MATH = frozenset({"aime24", "amc23", "math500", "minerva", "olympiadbench"})
"""The five benchmarks on which public recipes evaluate."""


def source(sets: Iterable[str]) -> str:
    """Return the source of the numbers and the sets that they average: the abstract, which is all that is public, names none."""
    return (
        f"{PAPER}, five datasets that it does not name"
        if MATH & set(sets)
        else f"{PAPER}, five other benchmarks"
    )
