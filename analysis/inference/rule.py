"""The one rule by which a study's numbers are judged."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from analysis.evidence.evidence import Evidence
from analysis.registration.standing import Standing, standing


@dataclass(frozen=True)
class Rule:
    """How a report judges."""

    standing: Standing
    """Of the registration."""

    @property
    def alpha(self) -> float | None:
        """The error rate that the report may spend; None where it may test nothing yet."""
        return self.standing.alpha

    @property
    def paired(self) -> bool:
        """Whether differences are taken within seeds: only where a registration that precedes the runs says so."""
        return self.standing.paired

    @property
    def marks(self) -> tuple[str, ...]:
        """What a reader must know of the registration, as sentences."""
        return self.standing.marks

    @property
    def test(self) -> str:
        """What the test is called."""
        return "paired t" if self.paired else "Welch's t"


@functools.lru_cache(maxsize=8)
def rule_of(evidence: Evidence) -> Rule:
    """The rule of a study, from its logs and the registration beside them."""
    return Rule(standing(evidence.logs, evidence.study))
