"""Differences of arms to their references, as a forest plot."""

from __future__ import annotations

from analysis.evidence.evidence import Evidence
from analysis.evidence.result_traces import primary_traces
from analysis.figures.figure import Figure
from analysis.figures.forest.page import chart
from analysis.figures.forest.printed import draw
from analysis.figures.forest.rows import SAME, forest
from analysis.inference.rule import rule_of
from analysis.logs.trace import Trace
from analysis.text.rounding import rounded

NAME = "difference_to_baseline"


def caption(evidence: Evidence) -> str:
    """Return what is subtracted, and what intervals and band are."""
    found = forest(evidence)
    several = found is not None and found.several
    reference = evidence.study.arm(evidence.study.baseline)
    against = "the arm named beside it" if several or reference is None else reference.label
    shown = "with intervals that agree with p adjusted by Holm" if found and found.tested else "untested"
    band = "; gray: differences too small to matter" if evidence.study.smallest_effect is not None else ""
    return f"Final average of every arm minus that of {against}, {shown}{band}"


def notes(evidence: Evidence) -> tuple[str, ...]:
    """Return what words and marks mean."""
    found = forest(evidence)
    if found is None:
        return ()
    low, high = found.limits
    alpha, said = rule_of(evidence).alpha, []
    if found.tested and alpha is not None:
        said.append(
            f"Lower and higher: adjusted p below {rounded(alpha, '.3g')}. Not distinguished: no difference was shown, which "
            "does not show that there is none."
        )
    if any(row.words == SAME for row in found.rows):
        said.append(
            "A/A: the same arm trained again with other seeds, minus only the runs of its original; its interval should include zero."
        )
    if any(not low <= row.difference <= high for row in found.rows):
        said.append("An arrow with a number marks an arm off the axis.")
    if any(row.runs for row in found.rows):
        said.append("Small dots are runs, each minus the mean of the reference; the large mark is the mean.")
    return tuple(said)


def origin(evidence: Evidence) -> Trace:
    """Return the trace of the scores of all arms."""
    return primary_traces(evidence).of(evidence.study.arms, "each arm's average minus that of its reference")


FIGURE = Figure(
    name=NAME,
    data=forest,
    draw=draw,
    chart=lambda evidence, found: chart(evidence, found, NAME),
    caption=caption,
    notes=notes,
    trace=origin,
)
