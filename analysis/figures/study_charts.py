"""The charts of a study's runs on index.html: curves, the forest of differences, clipping against accuracy."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from analysis.evidence.curve_rows import ROWS, Curve
from analysis.evidence.evidence import AVERAGE, Evidence, Summary, summarise
from analysis.evidence.measures import run_means
from analysis.figures.comparisons import CLIPPED, extent
from analysis.figures.curves import band, families, limits
from analysis.figures.factor_charts import effects_chart, heat_chart
from analysis.figures.model import SYMLOG, Axis, Chart, Line, Mark, Numbers, Panel, Series, number
from analysis.figures.paired_chart import paired_chart
from analysis.figures.style import looks
from analysis.logs.manifest import Arm
from analysis.text.numbers import p_text
from analysis.text.unit import Unit

MOST_POINTS = 60
"""Of one line on the page; the files of a figure have them all."""
MOST_RUN_POINTS = 40_000
"""Of all lines of runs in one chart: above it the page would outgrow its 3 MB, and its lines hide each other."""
HIGHEST = 1.6
"""Times the highest value: the upper end of a symmetric log axis, as in the files."""


def study_charts(evidence: Evidence) -> dict[str, Chart]:
    """By name of the figure; those that there is no data for are left out."""
    made: Mapping[str, Callable[[Evidence], Chart | None]] = {
        "difference_to_baseline": _forest,
        "paired_by_seed": lambda of: paired_chart(of, arm_series(of)),
        "factor_effects": effects_chart,
        "heat_map": heat_chart,
        **{name: functools.partial(_curves, name=name) for name in ROWS},
        "clip_against_accuracy": _scatter,
    }
    return {name: chart for name, make in made.items() if (chart := make(evidence)) is not None}


def arm_series(evidence: Evidence) -> dict[str, Series]:
    """Every trained arm's place and look, in every chart the same."""
    style = looks(evidence.study)
    trained = [a for a in evidence.study.with_role("arm", "no_clip", "aa") if evidence.counted(a)]
    return {arm.name: Series(i, arm.label, style[arm.name]) for i, arm in enumerate(trained)}


def _curves(evidence: Evidence, name: str) -> Chart | None:
    return curve_chart(evidence, name, ROWS[name][0](evidence))


def curve_chart(
    evidence: Evidence, name: str, logged: Sequence[Curve], *, most_run_points: int | None = None
) -> Chart | None:
    """A chart of curves; without the lines of runs where they have more points than a page should hold."""
    curves = [curve for curve in logged if not curve.table.empty]
    if not curves:
        return None
    groups, everyone = families(evidence), arm_series(evidence)
    panels, tables = [], []
    drawn = sum(curve.table.size for curve in curves)
    many = drawn > (MOST_RUN_POINTS if most_run_points is None else most_run_points)
    for place, curve in enumerate(curves):
        kept = _thinned(len(curve.table))
        lines = {
            arm.name: line
            for _, arms in groups
            for arm in arms
            if (line := _line(evidence, curve, arm, everyone[arm.name], kept, runs=not many)) is not None
        }
        for heading, arms in groups:
            own = [lines[arm.name] for arm in arms if arm.name in lines]
            panels.append(_panel(curve, heading, own, kept, place))
        tables.append(_numbers(curve, list(lines.values()), kept))
    shown = {line.series for panel in panels for line in panel.lines}
    note = (
        "Runs are not drawn on this page, of which there are many: the PDF and PNG have them." if many else ""
    )
    return Chart(
        name=name,
        series=[s for s in everyone.values() if s in shown],
        panels=panels,
        tables=tables,
        note=note,
    )


def _thinned(rollouts: int) -> NDArray[np.intp]:
    """Places of the rollouts that are drawn: all, or as many as a screen can show, the last among them."""
    if rollouts <= MOST_POINTS:
        return np.arange(rollouts)
    return np.unique(np.linspace(0, rollouts - 1, MOST_POINTS).round().astype(np.intp))


def _line(
    evidence: Evidence, curve: Curve, arm: Arm, series: Series, kept: NDArray[np.intp], *, runs: bool
) -> Line | None:
    counted = evidence.counted(arm)
    mine = [run for run in counted if run in curve.table.columns]
    y = (curve.scale * curve.table[mine]).to_numpy()[kept]
    if not np.isfinite(y).any():
        return None
    mean, half = band(y, len(counted))
    return Line(
        series=series,
        x=_rollouts(curve, kept),
        mean=mean.tolist(),
        half=half.tolist(),
        runs=y.T.tolist() if runs else (),
    )


def _rollouts(curve: Curve, kept: NDArray[np.intp]) -> list[float]:
    return [float(rollout) + 1 for rollout in curve.table.index.to_numpy()[kept]]


def _panel(curve: Curve, heading: str, lines: Sequence[Line], kept: NDArray[np.intp], place: int) -> Panel:
    x = _rollouts(curve, kept)
    if curve.log:
        highest = np.fmax.reduce(curve.scale * curve.table.to_numpy(), axis=None, initial=0.01)
        y = Axis(label=curve.label, low=0.0, high=HIGHEST * float(highest), scale=SYMLOG)
    else:
        low, high = limits(curve)
        y = Axis(label=curve.label, low=low, high=high)
    return Panel(
        title=heading,
        x=Axis(label="rollout", low=min(x), high=max(max(x), min(x) + 1)),
        y=y,
        lines=lines,
        levels=() if curve.reference is None else (curve.scale * curve.reference,),
        table=place,
    )


def _numbers(curve: Curve, lines: Sequence[Line], kept: NDArray[np.intp]) -> Numbers:
    """A row a rollout, mean ± half of the interval of every arm."""
    rows = [
        [f"{x:g}", *(_mean(line.mean[i], line.half[i]) for line in lines)]
        for i, x in enumerate(_rollouts(curve, kept))
    ]
    heads = [("rollout", None), *((line.series.label, line.series.number) for line in lines)]
    return Numbers(title=f"{curve.label}, mean over runs", heads=heads, rows=rows)


def _mean(mean: float, half: float) -> str:
    return number(mean) + (f" ± {number(half, 2)}" if np.isfinite(half) else "")


def _forest(evidence: Evidence) -> Chart | None:
    """Differences, a row an arm, with what `difference_to_baseline` draws."""
    summaries = summarise(evidence, evidence.study.mode, evidence.study.temperature)
    shown = [s for s in reversed(summaries) if s.comparison is not None]
    if not shown:
        return None
    series = arm_series(evidence)
    inside = [s.comparison for s in shown if s.comparison and s.arm.role != "no_clip"]
    unit = evidence.unit
    low, high = extent(inside or [s.comparison for s in shown if s.comparison], unit)
    marks = [_difference(series[s.arm.name], s, y, unit) for y, s in enumerate(shown)]
    reference = "reference" if evidence.study.several_references() else "baseline"
    panel = Panel(
        title="",
        x=Axis(label=f"difference to {reference}{' (points)' if unit.percent else ''}", low=low, high=high),
        y=Axis(label="", low=-0.6, high=len(shown) - 0.4, names=[s.arm.label for s in shown]),
        marks=[*marks],
    )
    rows = [
        [mark.series.label, *mark.says.removeprefix(f"{mark.series.label}: ").split("; ")]
        for mark in reversed(marks)
    ]
    heads = [("arm", None), ("difference, 95 % interval", None), ("p (Holm)", None), ("runs", None)]
    title = f"Differences to the {reference}{' in points' if unit.percent else ''}"
    table = Numbers(title=title, heads=heads, rows=rows)
    return Chart(
        name="difference_to_baseline",
        series=[series[s.arm.name] for s in reversed(shown)],
        panels=[panel],
        tables=[table],
    )


def _difference(series: Series, summary: Summary, y: int, unit: Unit) -> Mark:
    c = summary.comparison
    assert c is not None, "arms without a comparison are in no forest"
    interval = "" if c.low is None or c.high is None else f" [{unit.signed(c.low)}, {unit.signed(c.high)}]"
    p = "A/A, not in the family" if summary.arm.role == "aa" else p_text(summary.p_holm)
    low, high = (None if v is None else unit.factor * v for v in (c.low, c.high))
    return Mark(
        series=series,
        x=unit.factor * c.difference,
        y=y,
        low=low,
        high=high,
        says=f"{series.label}: {unit.signed(c.difference)}{interval}; {p}; {c.n}",
        note="A/A" if summary.arm.role == "aa" else p_text(summary.p_holm),
    )


def _scatter(evidence: Evidence) -> Chart | None:
    """A small mark a run and a large one an arm."""
    unit = evidence.unit
    clip, final = 100 * run_means(evidence, CLIPPED), unit.factor * evidence.primary[AVERAGE]
    marks, rows, shown = [], [], []
    for name, series in arm_series(evidence).items():
        arm = evidence.study.arm(name)
        runs = [r for r in evidence.counted(arm) if r in clip.index and r in final.index] if arm else []
        if not runs:
            continue
        for run in runs:
            says = f"{series.label} seed {evidence.runs.at[run, 'seed']}: clipped {number(clip[run])} %, {number(final[run])}{unit.mark}"
            marks.append(Mark(series=series, x=float(clip[run]), y=float(final[run]), says=says, size=2.2))
        x, y = float(clip[runs].mean()), float(final[runs].mean())
        says = f"{series.label}, mean of {len(runs)}: clipped {number(x)} %, {number(y)}{unit.mark}"
        marks.append(Mark(series=series, x=x, y=y, says=says, size=4.5))
        rows.append([series.label, number(x), number(y), str(len(runs))])
        shown.append(series)
    if not marks:
        return None
    ys = [mark.y for mark in marks]
    margin = 0.08 * (max(ys) - min(ys)) or 1.0
    panel = Panel(
        title="",
        x=Axis(
            label="clipped share of active tokens %, mean over the run",
            low=0.0,
            high=HIGHEST * max(0.01, *(mark.x for mark in marks)),
            scale=SYMLOG,
        ),
        y=Axis(label=f"final average{unit.mark}", low=min(ys) - margin, high=max(ys) + margin),
        marks=marks,
    )
    heads = [("arm", None), ("clipped %", None), (f"final average{unit.mark}", None), ("runs", None)]
    table = Numbers(title="Means over runs", heads=heads, rows=rows)
    return Chart(name="clip_against_accuracy", series=shown, panels=[panel], tables=[table])
