"""Arms below, above or not distinguished from their references, and the differences that could have been
detected.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.evidence.evidence import Evidence
from analysis.inference.findings import Summary, primary_summaries
from analysis.inference.rule import rule_of
from analysis.logs.manifest import Arm
from analysis.statistics.power import detectable_difference


@dataclass(frozen=True)
class Differences:
    """The tested arms of a study by finding, each group ordered from the smallest difference to the largest
    in size.
    """

    lower: tuple[Summary, ...]
    higher: tuple[Summary, ...]
    undecided: tuple[Summary, ...]
    """Not distinguished from their reference."""
    untested: tuple[Arm, ...]
    """Arms that compete but have no p: too few runs, or equal ones."""
    no_clip: Summary | None
    """The arm without clipping, which is expected to fail, if other arms are tested too; in none of the
    groups above.
    """
    detectable: tuple[float, float] | None
    """The smallest and the largest difference that an undecided arm's test detects with 80 % power (over all
    arms if every one is decided). Shares, or in an imported metric's own unit.
    """

    @property
    def tested(self) -> int:
        """Count the arms in the three groups."""
        return len(self.lower) + len(self.higher) + len(self.undecided)


def differences(evidence: Evidence) -> Differences | None:
    """Group the tested arms; None if the report tests nothing."""
    alpha = rule_of(evidence).alpha
    tested = [s for s in primary_summaries(evidence) if s.adjusted is not None and s.comparison is not None]
    if alpha is None or not tested:
        return None
    controls = [s for s in tested if s.arm.role == "no_clip"]
    apart = len(controls) == 1 and len(tested) > 1
    asked = [s for s in tested if s not in controls] if apart else tested
    lower = [s for s in asked if s.found(alpha) and _size(s) < 0]
    higher = [s for s in asked if s.found(alpha) and _size(s) > 0]
    undecided = [s for s in asked if s not in lower and s not in higher]
    return Differences(
        lower=tuple(sorted(lower, key=_size, reverse=True)),
        higher=tuple(sorted(higher, key=_size)),
        undecided=tuple(sorted(undecided, key=_size)),
        untested=_untested(evidence, tested),
        no_clip=controls[0] if apart else None,
        detectable=_detectable(undecided or asked),
    )


def _untested(evidence: Evidence, tested: Sequence[Summary]) -> tuple[Arm, ...]:
    known = {s.arm.name for s in tested} | {arm.name for arm in evidence.study.references()}
    return tuple(arm for arm in evidence.study.with_role("arm", "no_clip") if arm.name not in known)


def _size(summary: Summary) -> float:
    assert summary.comparison is not None, "an arm that was tested was compared"
    return summary.comparison.difference


def _detectable(tested: list[Summary]) -> tuple[float, float] | None:
    found = [
        detectable_difference(s.comparison.error, s.comparison.df, 1 - s.adjusted.level)
        for s in tested
        if s.adjusted is not None and s.comparison is not None
        if s.comparison.error is not None and s.comparison.df is not None
    ]
    return (min(found), max(found)) if found else None
