"""Expected best score against budget: what tuning an arm for k trials brings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure as Printed
from matplotlib.ticker import MaxNLocator

from analysis.evidence.evidence import Evidence
from analysis.evidence.tuning import CORE_HOURS, DEVICE_HOURS, TunedArm, tuning_of
from analysis.figures.figure import Figure
from analysis.figures.labels import Entry, end_labels, legend_height, room_at_ends, shared_legend
from analysis.figures.model import FULL, QUARTER, Axis, Chart, Line, Numbers, Panel, number
from analysis.figures.style import COLUMN, TEXT, grid, looks
from analysis.figures.tuning.family import foot, groups, heading, origin, series_of, span
from analysis.figures.tuning.printed import BELOW, band, upright
from analysis.statistics import named_rng
from analysis.statistics.tuning.best_curve import BestCurve, best_curve
from analysis.text.rounding import rounded

Y = "expected best score"
WIDEST_LABEL = 1.15
"""Inches of labels up to which the figure fits one column."""
COLUMNS = 4
"""Panels side by side."""


@dataclass(frozen=True)
class Best:
    """The curve of every arm with a point."""

    curves: list[tuple[TunedArm, BestCurve]]
    hours: tuple[float, str] | None
    """Mean cost of a trial with its unit, if it was counted."""

    @property
    def ends(self) -> tuple[float, float]:
        """Return the ends of the axis of scores, in percent."""
        curves = [curve for _, curve in self.curves]
        return span(
            (curve.mean for curve in curves),
            (curve.low for curve in curves),
            (curve.high for curve in curves),
        )

    @property
    def x(self) -> str:
        """Return the name of the axis of budgets."""
        if self.hours is None:
            return "trials"
        return f"trials, about {rounded(self.hours[0], '.2g')} {self.hours[1]} each"


def best(evidence: Evidence) -> Best | None:
    """Return the curves up to the trials that each arm had; None before any arm has its point."""
    tuning = tuning_of(evidence)
    if tuning is None or not tuning.chosen:
        return None
    curves = []
    for one in tuning.chosen:
        assert one.surface is not None, "an arm with a point has a fit"
        rng = named_rng("expected best score", evidence.study.name, one.arm.name)
        curves.append((one, best_curve(one.surface, max(1, one.settled), rng)))
    return Best(curves, _hours([one for one, _ in curves]))


def _hours(arms: list[TunedArm]) -> tuple[float, str] | None:
    trials = sum(one.settled for one in arms)
    for kind in (DEVICE_HOURS, CORE_HOURS):
        spent = sum(one.cost(kind) for one in arms)
        if spent > 0 and trials:
            return spent / trials, kind.replace("_", " ")
    return None


def draw(evidence: Evidence, found: Best) -> Printed:
    """Draw few arms in one panel with a label at the end of each line, more in small panels."""
    arms = [one for one, _ in found.curves]
    parts = groups(evidence, arms)
    return _one_panel(evidence, found) if len(parts) == 1 else _small_panels(evidence, found, parts)


def _one_panel(evidence: Evidence, found: Best) -> Printed:
    style = looks(evidence.study)
    room = room_at_ends([one.arm.label for one, _ in found.curves])
    inches = COLUMN if room < WIDEST_LABEL else TEXT
    figure, axes = grid(1, 1, (inches, 1.7), right=room, top=0.24, below=BELOW, left=0.42)
    ax = axes[0, 0]
    _lines(ax, evidence, found.curves)
    _axes(ax, found, last=True)
    ax.margins(x=0.02)
    ax.set_title(f"{Y}{evidence.unit.mark}", loc="left")
    ends = [
        (float(curve.budget[-1]), 100 * float(curve.mean[-1]), one.arm.label, style[one.arm.name])
        for one, curve in found.curves
    ]
    end_labels(ax, ends)
    return figure


def _small_panels(evidence: Evidence, found: Best, parts: list[list[TunedArm]]) -> Printed:
    style, columns = looks(evidence.study), min(COLUMNS, len(parts))
    entries: list[Entry] = [(one.arm.label, style[one.arm.name]) for one, _ in found.curves]
    rows = -(-len(parts) // columns)
    figure, axes = grid(
        columns,
        rows,
        (TEXT, 1.4),
        top=0.1,
        gap=0.2,
        below=BELOW + legend_height(entries, TEXT),
        share_y="all",
    )
    for place, (ax, arms) in enumerate(zip(axes.flat, parts, strict=False)):
        _lines(ax, evidence, [(one, curve) for one, curve in found.curves if one in arms])
        _axes(ax, found, last=place + columns >= len(parts))
    for ax in axes.flat[len(parts) :]:
        ax.set_visible(False)
    for ax in axes[:, 0]:
        ax.set_ylabel(f"{Y}{evidence.unit.mark}", fontsize=7.5)
    shared_legend(figure, entries)
    return figure


def _lines(ax: Any, evidence: Evidence, curves: list[tuple[TunedArm, BestCurve]]) -> None:
    style = looks(evidence.study)
    for order, (one, curve) in enumerate(curves):
        look, every = style[one.arm.name], max(1, len(curve.budget) // 5)
        band(ax, curve.budget.tolist(), 100 * curve.low, 100 * curve.high, look)
        ax.plot(
            curve.budget, 100 * curve.mean, color=look.color, linestyle=look.dash, marker=look.marker,
            markersize=2.6, markevery=(order % every, every), zorder=3,
        )  # fmt: skip


def _axes(ax: Any, found: Best, *, last: bool) -> None:
    upright(ax, found.ends)
    ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    ax.tick_params(labelbottom=last)
    if last:
        ax.set_xlabel(found.x, labelpad=2)


def chart(evidence: Evidence, found: Best) -> Chart:
    """Return the same lines as a chart."""
    everyone = series_of(evidence)
    lines = {
        one.arm.name: Line(
            series=everyone[one.arm.name],
            x=[float(k) for k in curve.budget],
            mean=(100 * curve.mean).tolist(),
            low=(100 * curve.low).tolist(),
            high=(100 * curve.high).tolist(),
        )
        for one, curve in found.curves
    }
    most = max(max(line.x) for line in lines.values())
    parts = groups(evidence, [one for one, _ in found.curves])
    panels = [
        Panel(
            title=heading(place, len(parts)),
            x=Axis(label=found.x, low=1.0, high=max(2.0, most)),
            y=Axis(label=f"{Y}{evidence.unit.mark}", low=found.ends[0], high=found.ends[1]),
            lines=[lines[one.arm.name] for one in arms],
            size=FULL if len(parts) < COLUMNS else QUARTER,
        )
        for place, arms in enumerate(parts)
    ]
    return Chart(
        name=FIGURE.name,
        series=list(everyone.values()),
        panels=panels,
        tables=[_numbers(evidence, list(lines.values()), int(most))],
    )


def _numbers(evidence: Evidence, lines: list[Line], most: int) -> Numbers:
    rows = [[str(k), *(_said(line, k) for line in lines)] for k in range(1, most + 1)]
    heads = [("trials", None), *((line.series.label, line.series.number) for line in lines)]
    return Numbers(title=f"{Y}{evidence.unit.mark} [95 % interval]", heads=heads, rows=rows)


def _said(line: Line, k: int) -> str:
    if k > len(line.x):
        return "–"
    mean, low, high = (number(of[k - 1]) for of in (line.mean, line.low, line.high))
    return f"{mean} [{low}, {high}]"


def caption(_: Evidence) -> str:
    """Return what the curve is."""
    return (
        "Expected best score of an arm after k trials at points drawn from its space, by the fit over its pilot runs; bands are 95 % "
        "intervals"
    )


def notes(evidence: Evidence) -> tuple[str, ...]:
    """Return what the curve leaves out."""
    return (
        "Scores are true ones under the fit: the noise of runs, whose luckiest one a search would report, is not in them. A curve that is "
        "flat at the end had enough trials; one that still rises would gain from more.",
        "Points are drawn evenly from the space, while a sampler that learns may find good ones sooner.",
        *foot(evidence),
    )


FIGURE = Figure(
    name="tuning_best", data=best, draw=draw, chart=chart, caption=caption, notes=notes, trace=origin
)
