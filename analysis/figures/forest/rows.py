"""Every arm's difference to its reference, in words too."""

from __future__ import annotations

from dataclasses import dataclass

from analysis.evidence.evidence import AVERAGE, Evidence
from analysis.figures.model import number
from analysis.inference.findings import Summary, primary_summaries
from analysis.inference.rule import rule_of
from analysis.logs.manifest import Arm
from analysis.statistics.families import FEWEST_RUNS
from analysis.text.numbers import p_text
from analysis.text.unit import Unit

SAME, ALIKE, UNTESTED, BASE = "A/A", "not distinguished", "not tested", "untrained"
MARGIN = 0.08
"""Share of the axis beyond its outermost value, at either end."""


@dataclass(frozen=True)
class DifferenceRow:
    """An arm minus its reference on the axis, with the interval of the results table, or with every run's own
    difference if there is none.
    """

    arm: Arm
    reference: Arm
    difference: float
    low: float | None
    high: float | None
    runs: tuple[float, ...]
    """Each run minus the mean of the reference; empty if the row has an interval."""
    n: int
    words: str


@dataclass(frozen=True)
class Forest:
    """Rows in the manifest's order, and the axis of differences."""

    rows: list[DifferenceRow]
    label: str
    limits: tuple[float, float]
    matters: float | None
    """The smallest effect of interest, on the axis; None if the study has none."""
    several: bool
    """Whether rows have different references, so that each names its own."""

    @property
    def tested(self) -> bool:
        """Whether some row has a p."""
        return any(row.words not in (SAME, UNTESTED, BASE) for row in self.rows if row.low is not None)

    @property
    def band(self) -> str:
        """The label of the gray band; empty without one."""
        return "" if self.matters is None else f"± {number(self.matters)}: too small to matter"


def forest(evidence: Evidence) -> Forest | None:
    """Return the forest; None if nothing is compared. The arm that does not clip may be off the axis."""
    unit, matters = evidence.unit, evidence.study.smallest_effect
    margin = None if matters is None else unit.factor * matters
    rows = [row for s in primary_summaries(evidence) if (row := _row(evidence, s, margin)) is not None]
    if not rows:
        return None
    if all(row.arm.role == "base" for row in rows):
        return None
    several = len({row.reference.name for row in rows if row.arm.role != "aa"}) > 1
    against = "the arm named beside it" if several else rows[0].reference.label
    label = f"difference to {against}{f',{unit.points}' if unit.points else ''}"
    return Forest(rows, label, _limits(rows, margin), margin, several)


def _row(evidence: Evidence, s: Summary, margin: float | None) -> DifferenceRow | None:
    reference = evidence.study.reference_of(s.arm)
    if s.arm.role == "base" and AVERAGE in s.columns:
        return _base_row(evidence, s)
    if s.comparison is None or reference is None:
        return None
    factor = evidence.unit.factor
    low, high = (None if v is None else factor * v for v in s.shown_interval)
    theirs = evidence.of_cell(evidence.primary, reference)
    mean = sum(theirs.values()) / len(theirs)
    runs = () if low is not None else tuple(factor * (v - mean) for v in s.values[AVERAGE])
    words = _words(s, rule_of(evidence).alpha, low, high, margin)
    return DifferenceRow(
        s.arm, reference, factor * s.comparison.difference, low, high, runs, s.comparison.n, words
    )


def _base_row(evidence: Evidence, s: Summary) -> DifferenceRow | None:
    """Return the untrained base minus the baseline: an arm that is not better has learned nothing. The base's
    evaluation is not a sample of runs.
    """
    baseline = evidence.study.arm(evidence.study.baseline)
    theirs = evidence.of_cell(evidence.primary, baseline) if baseline is not None else {}
    if baseline is None or not theirs:
        return None
    difference = s.columns[AVERAGE].point - sum(theirs.values()) / len(theirs)
    found = evidence.unit.factor * difference
    return DifferenceRow(s.arm, baseline, found, None, None, (), s.columns[AVERAGE].n, BASE)


def _words(
    s: Summary, alpha: float | None, low: float | None, high: float | None, margin: float | None
) -> str:
    if s.arm.role == "aa":
        return SAME
    if s.adjusted is None or s.comparison is None or alpha is None:
        n = len(s.values[AVERAGE])
        return f"{n} run{'s' if n > 1 else ''}, {UNTESTED}" if n < FEWEST_RUNS else UNTESTED
    if not s.found(alpha):
        within = margin is not None and low is not None and high is not None and max(-low, high) < margin
        return f"within ± {number(margin or 0.0)}" if within else ALIKE
    return f"{'lower' if s.comparison.difference < 0 else 'higher'}, {p_words(s.adjusted.p)}"


def p_words(p: float) -> str:
    """Format a p-value as tables print it, with its name."""
    text = p_text(p)
    return f"p {text}" if text.startswith("<") else f"p = {text}"


def _limits(rows: list[DifferenceRow], matters: float | None) -> tuple[float, float]:
    """Return axis limits that include zero, the band and all differences except that of the arm without a
    clip.
    """
    inside = [row for row in rows if row.arm.role != "no_clip"] or rows
    ends = [v for row in inside for v in (row.low, row.high, row.difference, *row.runs) if v is not None]
    ends += [0.0] if matters is None else [-matters, matters]
    margin = MARGIN * (max(ends) - min(ends)) or 1.0
    return min(ends) - margin, max(ends) + margin


def interval_text(row: DifferenceRow, unit: Unit) -> str:
    """Format the difference with its interval."""
    shown = [unit.signed(v / unit.factor) for v in (row.difference, row.low, row.high) if v is not None]
    return shown[0] if len(shown) == 1 else f"{shown[0]} [{shown[1]}, {shown[2]}]"
