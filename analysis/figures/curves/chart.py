"""Curves for the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from analysis.evidence.curve_rows import Curve
from analysis.evidence.evidence import Evidence
from analysis.figures.arm_series import arm_series
from analysis.figures.curves.chosen import banded
from analysis.figures.curves.panels import arms_of, band, families, limits, of_arm, shows_runs, x_name
from analysis.figures.model import (
    FULL,
    LINEAR,
    LOG,
    QUARTER,
    SYMLOG,
    Axis,
    Chart,
    Line,
    Numbers,
    Panel,
    Series,
    number,
)
from analysis.figures.style import HIGHEST
from analysis.logs.manifest import Arm

FEWEST_QUARTERS = 4
"""From this number of panels side by side, panels are smaller."""
MOST_POINTS = 60
"""The most points of one line on the page; the files of a figure have all."""
MOST_RUN_POINTS = 40_000
"""The most points of all lines of runs in one chart: above it the page would exceed its 3 MB, and its lines
hide each other.
"""


def curve_chart(
    evidence: Evidence, name: str, logged: Sequence[Curve], *, most_run_points: int | None = None
) -> Chart | None:
    """Return a chart of curves, without the lines of runs if they have more points than a page should hold."""
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
        together = [("", arms_of(evidence, curve))]
        shown = together if curve.together else groups
        size = QUARTER if len(shown) >= FEWEST_QUARTERS else FULL
        for heading, arms in shown:
            own = [lines[arm.name] for arm in arms if arm.name in lines]
            panel = _panel(evidence, curve, heading, own, kept, place)
            panels.append(replace(panel, size=size))
        tables.append(_numbers(curve, x_name(evidence, curve), list(lines.values()), kept))
    drawn_series = {line.series for panel in panels for line in panel.lines}
    note = "There are too many runs for one line per run." if many else ""
    return Chart(
        name=name,
        series=[s for s in everyone.values() if s in drawn_series],
        panels=panels,
        tables=tables,
        note=note,
    )


def _thinned(rollouts: int) -> NDArray[np.intp]:
    """Return the positions of the drawn rollouts: all, or as many as a screen can show, including the last."""
    if rollouts <= MOST_POINTS:
        return np.arange(rollouts)
    return np.unique(np.linspace(0, rollouts - 1, MOST_POINTS).round().astype(np.intp))


def _line(
    evidence: Evidence, curve: Curve, arm: Arm, series: Series, kept: NDArray[np.intp], *, runs: bool
) -> Line | None:
    y = of_arm(evidence, curve, arm)[kept]
    if not np.isfinite(y).any():
        return None
    shown = band(y, len(evidence.counted(arm)), curve)
    return Line(
        series=series,
        x=_rollouts(curve, kept),
        mean=shown.mean.tolist(),
        low=shown.low.tolist(),
        high=shown.high.tolist(),
        banded=banded(evidence, curve),
        runs=y.T.tolist() if runs and shows_runs(evidence, arm) else (),
    )


def _rollouts(curve: Curve, kept: NDArray[np.intp]) -> list[float]:
    return [float(rollout) + 1 for rollout in curve.table.index.to_numpy()[kept]]


def _panel(
    evidence: Evidence, curve: Curve, heading: str, lines: Sequence[Line], kept: NDArray[np.intp], place: int
) -> Panel:
    x = _rollouts(curve, kept)
    if curve.log and not curve.geometric:
        highest = np.fmax.reduce(curve.scale * curve.table.to_numpy(), axis=None, initial=0.01)
        y = Axis(label=curve.label, low=0.0, high=HIGHEST * float(highest), scale=SYMLOG)
    else:
        low, high = limits(evidence, curve)
        y = Axis(label=curve.label, low=low, high=high, scale=LOG if curve.geometric else LINEAR)
    return Panel(
        title=heading,
        x=Axis(label=x_name(evidence, curve), low=min(x), high=max(max(x), min(x) + 1)),
        y=y,
        lines=lines,
        levels=() if curve.reference is None else (curve.scale * curve.reference,),
        table=place,
    )


def _numbers(curve: Curve, name: str, lines: Sequence[Line], kept: NDArray[np.intp]) -> Numbers:
    """Return one row per place, which has a name: the mean of every arm with its interval."""
    rows = [
        [f"{x:g}", *(_mean(line.mean[i], line.low[i], line.high[i]) for line in lines)]
        for i, x in enumerate(_rollouts(curve, kept))
    ]
    heads = [(name, None), *((line.series.label, line.series.number) for line in lines)]
    return Numbers(title=f"{curve.label}, mean over runs", heads=heads, rows=rows)


def _mean(mean: float, low: float, high: float) -> str:
    return number(mean) + (f" [{number(low)}, {number(high)}]" if np.isfinite(low) else "")
