"""The one rule by which a study's numbers are judged."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from analysis.evidence.evidence import Evidence
from analysis.statistics.families import ALPHA


@dataclass(frozen=True)
class Rule:
    """How a report judges."""

    alpha: float | None
    """The error rate that the report may spend; None where it may test nothing yet."""
    paired: bool
    """Whether differences are taken within seeds: only where a registration that precedes the runs says so."""
    marks: tuple[str, ...] = ()
    """What a reader must know of the registration, as sentences."""

    @property
    def test(self) -> str:
        """What the test is called."""
        return "paired t" if self.paired else "Welch's t"


@functools.lru_cache(maxsize=8)
def rule_of(evidence: Evidence) -> Rule:
    """The rule of a study, from its logs and registration."""
    return Rule(ALPHA, paired=False)
