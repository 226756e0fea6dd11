"""The charts of a replay on index.html."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import pandas as pd

from analysis.evidence.replay import Curve, Replay, pool, swept_bound, total
from analysis.figures.model import (
    LINEAR,
    LOG,
    SYMLOG,
    Axis,
    Chart,
    Line,
    Mark,
    Numbers,
    Panel,
    Series,
    number,
)
from analysis.figures.replay import by_run, costs, look_of, middle_target
from analysis.figures.study_charts import HIGHEST
from analysis.text.rounding import rounded


def replay_charts(replay: Replay) -> dict[str, Chart]:
    """By name of the figure; those that there is no data for are left out."""
    everyone = [Series(i, curve.label, look_of(replay, curve)) for i, curve in enumerate(replay.curves)]
    made = (_against_bound(replay, everyone), _trade_off(replay, everyone), _by_update(replay, everyone))
    return {chart.name: chart for chart in made if chart is not None}


def _against_bound(replay: Replay, everyone: Sequence[Series]) -> Chart | None:
    lines, marks = [], []
    for series, curve in zip(everyone, replay.curves, strict=True):
        side = swept_bound(replay.grid(curve))
        if side is None:
            continue
        lines.append(_mean_of_runs(series, by_run(replay.grid(curve), side)))
        for match in replay.matches(curve):
            at = by_run(replay.at(match), side)
            for x, y in zip(at.index, at.mean(axis=1), strict=True):
                marks.append(
                    Mark(series=series, x=float(x), y=float(y), says=_says(curve, x, f"clips {number(y)} %"))
                )
    if not lines:
        return None
    bounds = [x for line in lines for x in line.x]
    x = Axis(label="clip bound ε", low=min(bounds), high=max(bounds), scale=LOG)
    panel = Panel(
        title="",
        x=x,
        y=_clipped(lines),
        lines=lines,
        marks=marks,
        levels=[100 * t for t in replay.summary.targets],
    )
    table = _numbers("Clipped share of active tokens %, mean over runs", "bound", lines)
    return Chart(name="replay_clip_fraction", series=_shown(everyone, lines), panels=[panel], tables=[table])


def _by_update(replay: Replay, everyone: Sequence[Series]) -> Chart | None:
    target, lines = middle_target(replay), []
    if target is None:
        return None
    for series, curve in zip(everyone, replay.curves, strict=True):
        for match in replay.matches(curve):
            if match.target == target:
                table = by_run(replay.at_every_update(match), "update")
                table.index = table.index + 1
                lines.append(_mean_of_runs(series, table))
    steps = [x for line in lines for x in line.x]
    x = Axis(
        label="optimiser step of a rollout", low=min(steps), high=max(*steps, min(steps) + 1), scale=LINEAR
    )
    panel = Panel(title="", x=x, y=_clipped(lines), lines=lines, levels=[100 * target])
    numbers = _numbers("Clipped share of active tokens %, mean over runs", "step", lines)
    return Chart(
        name="replay_clip_by_update", series=_shown(everyone, lines), panels=[panel], tables=[numbers]
    )


def _trade_off(replay: Replay, everyone: Sequence[Series]) -> Chart | None:
    """The grid as a line of small marks, matched bounds as large ones."""
    marks, lines, rows = [], [], []
    for series, curve in zip(everyone, replay.curves, strict=True):
        grid, side = replay.grid(curve), swept_bound(replay.grid(curve))
        path = costs(pool(grid, [side])) if side else costs(grid.iloc[:0])
        lines.append(Line(series=series, x=path["x"].tolist(), mean=path["y"].tolist()))
        found = [(rounded(bound, ".3g"), point, 2.0) for bound, point in path.iterrows()]
        for match in replay.matches(curve):
            at = costs(total(replay.at(match)))
            found += [
                (f"{rounded(match.low, '.3g')}, matched to {100 * match.target:g} %", p, 5.0)
                for _, p in at.iterrows()
            ]
        for bound, point, size in found:
            x, y = float(point["x"]), float(point["y"])
            says = f"{curve.label} at {bound}: {number(x)} % inside the bound, {number(y)} % of extremes pass"
            marks.append(Mark(series=series, x=x, y=y, says=says, size=size))
            rows.append([curve.label, bound, number(x), number(y)])
    if not marks:
        return None
    panel = Panel(
        title="",
        x=Axis(
            label="clipped tokens whose own ratio is inside the bound %",
            low=-3,
            high=max(10, *(m.x + 3 for m in marks)),
        ),
        y=Axis(label="extreme tokens that are not clipped %", low=-3, high=103),
        lines=lines,
        marks=marks,
    )
    heads = [("rule", None), ("bound", None), ("inside the bound %", None), ("extremes not clipped %", None)]
    table = Numbers(title="Points of the trade-off, all runs pooled", heads=heads, rows=rows)
    return Chart(name="replay_trade_off", series=_shown(everyone, marks), panels=[panel], tables=[table])


def _mean_of_runs(series: Series, table: pd.DataFrame) -> Line:
    return Line(
        series=series,
        x=[float(x) for x in table.index],
        mean=table.mean(axis=1).tolist(),
        half=[math.nan] * len(table),
        runs=table.to_numpy().T.tolist(),
    )


def _clipped(lines: Iterable[Line]) -> Axis:
    highest = max([0.01, *(y for line in lines for run in line.runs for y in run if math.isfinite(y))])
    return Axis(label="clipped share of active tokens %", low=0.0, high=HIGHEST * highest, scale=SYMLOG)


def _says(curve: Curve, bound: float, what: str) -> str:
    return f"{curve.label} at {number(float(bound))}, matched: {what}"


def _shown(everyone: Sequence[Series], drawn: Iterable[Line | Mark]) -> list[Series]:
    used = {one.series for one in drawn}
    return [series for series in everyone if series in used]


def _numbers(title: str, first: str, lines: Sequence[Line]) -> Numbers:
    """A row a value of x that any line has."""
    places = sorted({x for line in lines for x in line.x})
    means = [dict(zip(line.x, line.mean, strict=True)) for line in lines]
    rows = [[rounded(x, ".4g"), *(number(mean.get(x, math.nan)) for mean in means)] for x in places]
    heads = [(first, None), *((line.series.label, line.series.number) for line in lines)]
    return Numbers(title=title, heads=heads, rows=rows)
