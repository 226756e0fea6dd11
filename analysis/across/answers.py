"""What a study found on its primary metric, in one line that no hand writes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from analysis.evidence.evidence import AVERAGE, Evidence
from analysis.inference.findings import Summary, primary_summaries
from analysis.inference.rule import rule_of
from analysis.statistics.families import FEWEST_RUNS

MOST_NAMED = 2
"""Arms named one by one; of more, the number and the range."""


def answer(evidence: Evidence) -> str:
    """Who lies above or below the reference by how much, and who is not told apart from it; or why nothing was tested."""
    alpha = rule_of(evidence).alpha
    if alpha is None:
        return (
            f"Nothing is tested yet: {rule_of(evidence).standing.ended} of {len(evidence.runs)} runs ended."
        )
    summaries = primary_summaries(evidence)
    tested = [s for s in summaries if s.adjusted is not None]
    if not tested:
        return _untested(summaries)
    found = [s for s in tested if s.found(alpha)]
    reference = _reference(evidence, tested)
    parts = [
        f"{word} {reference}: {_by_how_much(evidence, group)}."
        for word, sign in (("Above", 1), ("Below", -1))
        if (group := [s for s in found if sign * _difference(s) > 0])
    ]
    rest = [s.arm.label for s in tested if not s.found(alpha)]
    if rest:
        whom = rest[0] if len(rest) == 1 else f"{len(rest)} arms"
        parts.append(f"Not told apart{'' if parts else f' from {reference}'}: {whom}.")
    return " ".join(parts)


def _untested(summaries: Sequence[Summary]) -> str:
    sizes = [s.columns[AVERAGE].n for s in summaries if s.arm.competes and AVERAGE in s.columns]
    if sizes and max(sizes) < FEWEST_RUNS:
        return f"Too few runs to test: {max(sizes)} an arm."
    return "No two arms could be tested." if sizes else "No run is scored."


def _reference(evidence: Evidence, tested: Sequence[Summary]) -> str:
    labels = {ref.label for s in tested if (ref := evidence.study.reference_of(s.arm)) is not None}
    return labels.pop() if len(labels) == 1 else "their references"


def _difference(s: Summary) -> float:
    assert s.comparison is not None, "a tested arm was compared"
    return s.comparison.difference


def _by_how_much(evidence: Evidence, found: Sequence[Summary]) -> str:
    """The arms with how far they are away, those without a clip last: they say that clipping acts, and would stretch the range."""
    parts = list(_distances(evidence, [s for s in found if s.arm.role != "no_clip"]))
    parts += _distances(evidence, [s for s in found if s.arm.role == "no_clip"])
    return "; ".join(parts)


def _distances(evidence: Evidence, found: Sequence[Summary]) -> Iterator[str]:
    unit = evidence.unit
    sizes = sorted(abs(_difference(s)) for s in found)
    if len(found) > MOST_NAMED:
        yield f"{len(found)} arms by {unit.text(sizes[0])} to {unit.text(sizes[-1])}{unit.points}"
        return
    for s in found:
        yield f"{s.arm.label} by {unit.text(abs(_difference(s)))}{unit.points}"
