"""The one rule by which a study's numbers are judged."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace

from analysis.evidence.evidence import Evidence
from analysis.logs.manifest import TUNING
from analysis.registration.standing import Standing, standing

UNTUNED = "Tuning is unfinished: no p, no bold and no verdict before every arm has its point."


@dataclass(frozen=True)
class Rule:
    """The rule by which a report judges."""

    standing: Standing
    """The report's standing under the registration."""

    @property
    def alpha(self) -> float | None:
        """Return the error rate that the report may spend; None if it may not test yet."""
        return self.standing.alpha

    @property
    def paired(self) -> bool:
        """Return whether differences are taken within seeds: only if a registration that precedes the runs requires it."""
        return self.standing.paired

    @property
    def marks(self) -> tuple[str, ...]:
        """Return sentences on the registration for the reader."""
        return self.standing.marks

    @property
    def test(self) -> str:
        """Return the name of the test."""
        return "paired t" if self.paired else "Welch's t"


@functools.lru_cache(maxsize=8)
def rule_of(evidence: Evidence) -> Rule:
    """Return the rule of a study, from its logs and the registration beside them. Without a point for every arm nothing is tested."""
    others = evidence.whole.runs[len(evidence.logs.runs) :]
    found = standing(evidence.logs, evidence.study, others)
    if (evidence.whole.manifest.get(TUNING) or {}).get("settled", True):
        return Rule(found)
    return Rule(replace(found, alpha=None, finished=False, marks=(*found.marks, UNTUNED)))
