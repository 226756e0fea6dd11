"""Numbers that others reported: shown beside ours under a rule, in no statistic."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Reported:
    """A published average, in percent points."""

    label: str
    average: float
    source: str


SOURCE = "arXiv 2511.04256, Qwen2.5-Math-1.5B, five other benchmarks"
REPORTED = (
    Reported("SSPO as reported", 46.72, SOURCE),
    Reported("GSPO as reported", 44.42, SOURCE),
    Reported("GRPO as reported", 43.01, SOURCE),
)
