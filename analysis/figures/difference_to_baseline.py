"""Differences of arms to the arm that they are tested against, as a forest plot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure as Printed

from analysis.evidence.evidence import Evidence
from analysis.evidence.result_traces import primary_traces
from analysis.figures.arm_series import arm_series
from analysis.figures.figure import Figure
from analysis.figures.model import Axis, Chart, Mark, Numbers, Panel, Series
from analysis.figures.style import COLUMN, FAINT, MUTED, Look, looks
from analysis.inference.findings import Summary, primary_summaries
from analysis.logs.trace import Trace
from analysis.text.escape import plot
from analysis.text.numbers import p_text
from analysis.text.unit import Unit

LABEL_CHARACTERS = 26
CHARACTER = 0.056
"""Inches that a character of a label takes at most on average."""


@dataclass(frozen=True)
class Difference:
    """An arm minus its reference, with the interval that the results table has."""

    difference: float
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True)
class Forest:
    """Arms with their comparisons from the bottom up, and the axis of differences."""

    rows: list[tuple[Summary, Difference]]
    label: str
    limits: tuple[float, float]
    matters: float | None
    """The smallest effect of interest, on the axis; None where the study names none."""


def forest(evidence: Evidence) -> Forest | None:
    """None where nothing is compared. The arm that does not clip may lie off the axis."""
    rows = [
        (s, found) for s in reversed(primary_summaries(evidence)) if (found := _difference(s)) is not None
    ]
    if not rows:
        return None
    inside = [c for s, c in rows if s.arm.role != "no_clip"] or [c for _, c in rows]
    points = f" ({evidence.unit.points.strip()})" if evidence.unit.points else ""
    label = f"difference to {_reference(evidence)}{points}"
    matters = evidence.study.smallest_effect
    margin = None if matters is None else evidence.unit.factor * matters
    return Forest(rows, label, extent(inside, evidence.unit), margin)


def _difference(s: Summary) -> Difference | None:
    if s.comparison is None:
        return None
    low, high = s.shown_interval
    return Difference(s.comparison.difference, low, high, s.comparison.n)


def extent(found: list[Difference], unit: Unit) -> tuple[float, float]:
    """Axis limits that hold zero and all intervals of the given differences."""
    ends = [unit.factor * v for c in found for v in (c.low, c.high, c.difference, 0.0) if v is not None]
    margin = 0.08 * (max(ends) - min(ends)) or 1.0
    return min(ends) - margin, max(ends) + margin


def _reference(evidence: Evidence) -> str:
    return "reference" if evidence.study.several_references() else "baseline"


def _p(summary: Summary) -> str:
    return (
        "A/A"
        if summary.arm.role == "aa"
        else p_text(None if summary.adjusted is None else summary.adjusted.p)
    )


def draw(evidence: Evidence, found: Forest) -> Printed:
    """The Holm-adjusted p of each arm stands at its right, an arm off the axis as an arrow."""
    shown, style = found.rows, looks(evidence.study)
    height = 0.21 * len(shown) + 0.68
    figure = Printed(figsize=(COLUMN, height))
    labels = [plot(s.arm.label, LABEL_CHARACTERS) for s, _ in shown]
    begin = min(0.55, max(0.4, 0.02 + CHARACTER * max(map(len, labels)) / COLUMN))
    ax = figure.add_axes((begin, 0.42 / height, 0.85 - begin, 1 - 0.68 / height))
    for y, (summary, comparison) in enumerate(shown):
        _draw_row(ax, y, comparison, style[summary.arm.name], found.limits, evidence.unit)
        ax.text(1.04, y, _p(summary), transform=ax.get_yaxis_transform(), va="center", fontsize=7)
    ax.text(
        1.04, len(shown), "p", transform=ax.get_yaxis_transform(), va="center", fontsize=7, style="italic"
    )
    if found.matters is not None:
        ax.axvspan(-found.matters, found.matters, color=FAINT, alpha=0.35, linewidth=0, zorder=-1)
    ax.axvline(0, color=MUTED, linewidth=0.7, zorder=0)
    ax.set(xlim=found.limits, ylim=(-0.6, len(shown) - 0.4))
    ax.set_yticks(range(len(shown)), labels)
    ax.tick_params(axis="y", length=0, pad=5)
    ax.grid(axis="y", visible=False)
    ax.set_xlabel(found.label, fontsize=7.5)
    return figure


def _draw_row(ax: Any, y: int, c: Difference, look: Look, limits: tuple[float, float], unit: Unit) -> None:
    point = unit.factor * c.difference
    if not limits[0] <= point <= limits[1]:
        edge, arrow, align = (limits[0], "<", "left") if point < 0 else (limits[1], ">", "right")
        ax.plot([edge], [y], arrow, color=look.color, markersize=4, clip_on=False)
        ax.annotate(
            unit.signed(c.difference), (edge, y), (5 if point < 0 else -5, 0), textcoords="offset points",
            va="center", ha=align, fontsize=7, color=look.color,
        )  # fmt: skip
        return
    if c.low is not None and c.high is not None:
        low, high = unit.factor * c.low, unit.factor * c.high
        ax.plot([low, high], [y, y], "-", color=look.color, linewidth=1.3)
        for end, edge, arrow in ((-low, -limits[0], "<"), (high, limits[1], ">")):
            if end > edge:
                ax.plot([limits[arrow == ">"]], [y], arrow, color=look.color, markersize=3, clip_on=False)
    ax.plot([point], [y], look.marker, color=look.color, markersize=4)


def chart(evidence: Evidence, found: Forest) -> Chart:
    """The same rows; the table has them from the top down."""
    unit, series = evidence.unit, arm_series(evidence)
    low, high = found.limits
    shown = [series[summary.arm.name] for summary, _ in found.rows]
    marks = [
        _mark(own, summary, comparison, y, unit)
        for y, (own, (summary, comparison)) in enumerate(zip(shown, found.rows, strict=True))
    ]
    panel = Panel(
        title="",
        x=Axis(label=found.label, low=low, high=high),
        y=Axis(label="", low=-0.6, high=len(shown) - 0.4, names=[s.arm.label for s, _ in found.rows]),
        marks=[*marks],
        band=None if found.matters is None else (-found.matters, found.matters),
    )
    rows = [
        [mark.series.label, *mark.says.removeprefix(f"{mark.series.label}: ").split("; ")]
        for mark in reversed(marks)
    ]
    heads = [("arm", None), ("difference, interval", None), ("p (Holm)", None), ("runs", None)]
    title = f"Differences to the {_reference(evidence)}{f' in{unit.points}' if unit.points else ''}"
    table = Numbers(title=title, heads=heads, rows=rows)
    return Chart(name=FIGURE.name, series=shown[::-1], panels=[panel], tables=[table])


def _mark(series: Series, summary: Summary, c: Difference, y: int, unit: Unit) -> Mark:
    interval = "" if c.low is None or c.high is None else f" [{unit.signed(c.low)}, {unit.signed(c.high)}]"
    p = "A/A, not in the family" if summary.arm.role == "aa" else _p(summary)
    low, high = (None if v is None else unit.factor * v for v in (c.low, c.high))
    return Mark(
        series=series,
        x=unit.factor * c.difference,
        y=y,
        low=low,
        high=high,
        says=f"{series.label}: {unit.signed(c.difference)}{interval}; {p}; {c.n}",
        note=_p(summary),
    )


def caption(evidence: Evidence) -> str:
    """What the intervals and the p are."""
    return (
        f"Difference of the final average to {evidence.study.yardstick()}{_tested(evidence)}"
        f"{_band(evidence)}; an arrow is an arm or an interval's end off the axis"
    )


def _tested(evidence: Evidence) -> str:
    tested = any(s.adjusted is not None for s in primary_summaries(evidence))
    return ", p adjusted by Holm with the intervals that agree with it" if tested else ", untested"


def _band(evidence: Evidence) -> str:
    matters = evidence.study.smallest_effect
    if matters is None:
        return ""
    return f"; the grey band is the smallest effect of interest, ± {evidence.unit.text(matters)}{evidence.unit.points}"


def origin(evidence: Evidence) -> Trace:
    """Scores of all trained arms."""
    trained = evidence.study.with_role("arm", "no_clip", "aa")
    return primary_traces(evidence).of(
        trained, "each arm's average minus that of the arm that it is tested against"
    )


FIGURE = Figure(
    name="difference_to_baseline", data=forest, draw=draw, chart=chart, caption=caption, trace=origin
)
