"""Numbers that others reported: shown beside ours under a rule, in no statistic."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Reported:
    """A published average, in percent points."""

    label: str
    average: float


PAPER = "arXiv 2511.04256, Qwen2.5-Math-1.5B"
REPORTED = (
    Reported("SSPO as reported", 46.72),
    Reported("GSPO as reported", 44.42),
    Reported("GRPO as reported", 43.01),
)
MATH = frozenset({"aime24", "amc23", "math500", "minerva", "olympiadbench"})
"""The five benchmarks that public recipes evaluate on."""


def source(sets: Iterable[str]) -> str:
    """Where the numbers come from, and what their average is over: its abstract, which is all that is public, names no set."""
    return (
        f"{PAPER}, five datasets that it does not name"
        if MATH & set(sets)
        else f"{PAPER}, five other benchmarks"
    )
