"""The curves of the page: one panel per measure, one line per run."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from analysis.figures.curves.chart import MOST_POINTS
from analysis.figures.model import Axis, Chart, Line, Numbers, Panel, Series
from analysis.figures.style import DASHES, MARKERS, OKABE_ITO, ArmStyle
from analysis.single_runs.read import Run
from analysis.single_runs.rows import MeasureRow, measure_rows

FIRST = ArmStyle("#000000", "-", "o")
MOST_NAMED = 8
"""The most rollouts that each have a tick."""
MARGIN = 0.08
"""Share of the observed range added above and below it."""


def chart(runs: Sequence[Run]) -> Chart | None:
    """Return a chart of all measures that any of the runs has logged; None if there is none."""
    series = [Series(i, run.label, look(i)) for i, run in enumerate(runs)]
    rows = [row for row in measure_rows(runs) if any(row.values(i) for i in range(len(runs)))]
    if not rows:
        return None
    drawn = {i for row in rows for i in range(len(runs)) if row.values(i)}
    everywhere = [at for row in rows for at in _rollouts(row)]
    axis = _axis(min(everywhere), max(everywhere))
    panels, tables = [], []
    for place, row in enumerate(rows):
        x = _rollouts(row)
        lines = [_line(row, one, x) for one in series if row.values(one.number)]
        panels.append(_panel(row, lines, axis, place))
        tables.append(_numbers(row, lines, x))
    return Chart(
        name="measures", series=[one for one in series if one.number in drawn], panels=panels, tables=tables
    )


def look(number: int) -> ArmStyle:
    """Return the style of a run: the first is black; the others differ in color, dash and marker."""
    if number == 0:
        return FIRST
    i = number - 1
    turn = i // len(OKABE_ITO)
    return ArmStyle(
        OKABE_ITO[i % len(OKABE_ITO)], DASHES[(i + turn) % len(DASHES)], MARKERS[(i + turn) % len(MARKERS)]
    )


def _rollouts(row: MeasureRow) -> list[int]:
    """Return the rollouts at which any run has a value: all, or as many as a screen shows, including the
    last.
    """
    found = sorted({at for values in row.runs for at, value in values.items() if math.isfinite(value)})
    if len(found) <= MOST_POINTS:
        return found
    places = np.unique(np.linspace(0, len(found) - 1, MOST_POINTS).round().astype(int))
    return [found[place] for place in places]


def _line(row: MeasureRow, series: Series, x: Sequence[int]) -> Line:
    values = row.runs[series.number]
    mean = [row.measure.scale * values.get(at, math.nan) for at in x]
    nothing = [math.nan] * len(x)
    return Line(series=series, x=list(map(float, x)), mean=mean, low=nothing, high=nothing)


def _panel(row: MeasureRow, lines: Sequence[Line], axis: Axis, place: int) -> Panel:
    seen = [value for line in lines for value in line.mean if math.isfinite(value)]
    low, high = min(seen), max(seen)
    margin = MARGIN * (high - low) or MARGIN * abs(high) or 1.0
    bottom = low - margin if row.measure.signed else max(low - margin, 0.0)
    return Panel(
        title="",
        x=axis,
        y=Axis(label=row.measure.label, low=bottom, high=high + margin),
        lines=lines,
        table=place,
    )


def _axis(first: int, last: int) -> Axis:
    """Return the axis shared by all panels. A few rollouts have a tick each, and nothing between them."""
    if last > MOST_NAMED:
        return Axis(label="rollout", low=float(first), high=float(max(last, first + 1)))
    last = max(last, 1)
    return Axis(label="rollout", low=0.0, high=float(last), names=tuple(map(str, range(last + 1))))


def _numbers(row: MeasureRow, lines: Sequence[Line], x: Sequence[int]) -> Numbers:
    scale = row.measure.scale
    rows = [[str(at), *(row.measure.text(line.mean[i] / scale) for line in lines)] for i, at in enumerate(x)]
    heads = [("rollout", None), *((line.series.label, line.series.number) for line in lines)]
    return Numbers(title=row.measure.label, heads=heads, rows=rows)
