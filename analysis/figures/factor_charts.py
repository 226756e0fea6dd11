"""The charts of factorial studies on index.html, with the numbers of `factor_effects` and `heat_map`."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from analysis.evidence.evidence import Evidence
from analysis.evidence.factors import TIMES
from analysis.figures.factor_numbers import Crossing, Crossings, Effect, crossings, effects
from analysis.figures.model import Axis, Chart, Line, Mark, Numbers, Panel, Series, Slope, Tile, number
from analysis.figures.style import FAINT, Look
from analysis.text.numbers import points

SEEDS = Series(0, "seeds", Look(FAINT, "-", "o"))
MEAN = Series(1, "mean over seeds, 95 % interval", Look("#000000", "-", "o"))
SIDE = 0.4
"""Room beside the outer levels, in levels."""


def effects_chart(evidence: Evidence) -> Chart | None:
    """A panel a factor, all with one axis of scores."""
    found = effects(evidence)
    if found is None:
        return None
    ends = [end for effect in found for i in effect.intervals for end in (i.low, i.high) if end is not None]
    values = [*ends, *(float(v) for effect in found for v in effect.table.to_numpy().ravel())]
    margin = 0.06 * (max(values) - min(values)) or 1.0
    y = Axis(label="final average %", low=min(values) - margin, high=max(values) + margin)
    return Chart(
        name="factor_effects",
        series=[SEEDS, MEAN],
        panels=[_effect(effect, y) for effect in found],
        tables=[_numbers(effect) for effect in found],
    )


def _effect(effect: Effect, y: Axis) -> Panel:
    levels = [str(level) for level in effect.table.columns]
    x = list(range(len(levels)))
    slopes = [
        Slope(
            series=SEEDS,
            look=SEEDS.look,
            x=x,
            y=row.tolist(),
            says=f"seed {seed}: "
            + "; ".join(f"{level} {number(v)} %" for level, v in zip(levels, row.tolist(), strict=True)),
        )
        for seed, row in effect.table.iterrows()
    ]
    marks = [
        Mark(
            series=MEAN,
            x=place,
            y=interval.point,
            half=interval.half_width,
            says=f"{effect.factor} {level}: {_interval(effect, place)} %, mean of {interval.n} seeds",
        )
        for place, (level, interval) in enumerate(zip(levels, effect.intervals, strict=True))
    ]
    return Panel(
        title="",
        x=Axis(label=effect.factor, low=-SIDE, high=len(levels) - 1 + SIDE, names=levels),
        y=y,
        slopes=slopes,
        lines=[Line(series=MEAN, x=x, mean=[interval.point for interval in effect.intervals])],
        marks=marks,
    )


def _interval(effect: Effect, place: int) -> str:
    interval = effect.intervals[place]
    return number(interval.point) + (
        "" if interval.half_width is None else f" ± {number(interval.half_width, 2)}"
    )


def _numbers(effect: Effect) -> Numbers:
    """A row a level: mean ± half of its interval, and every seed."""
    heads = [
        (effect.factor, None),
        ("mean", MEAN.number),
        *((f"seed {seed}", SEEDS.number) for seed in effect.table.index),
    ]
    rows = [
        [str(level), _interval(effect, place), *map(number, effect.table[level].tolist())]
        for place, level in enumerate(effect.table.columns)
    ]
    return Numbers(title=f"Final average % by {effect.factor}", heads=heads, rows=rows)


def heat_chart(evidence: Evidence) -> Chart | None:
    """A panel a combination of the other factors; colours have one scale."""
    found = crossings(evidence)
    if found is None:
        return None
    low, high = found.limits
    return Chart(
        name="heat_map",
        series=[],
        panels=[_tiles(found, panel, at) for panel, at in found.panels.items()],
        tables=[_crossed(found, panel, at) for panel, at in found.panels.items()],
        note=f"Colours go evenly from {points(low / 100)} % (dark blue) to {points(high / 100)} % (yellow).",
    )


def _tiles(found: Crossings, panel: Sequence[str], at: Mapping[tuple[str, str], Crossing]) -> Panel:
    """Rows from the top down, as in the files."""
    (low, high), last = found.limits, len(found.rows) - 1
    tiles = [
        Tile(
            x=j,
            y=last - i,
            texts=_texts(crossing := at[row, column]),
            share=None if crossing.mean is None else (crossing.mean - low) / (high - low),
            says=f"{TIMES.join((*panel, row, column))}: {_said(crossing)}",
        )
        for (i, row), (j, column) in itertools.product(enumerate(found.rows), enumerate(found.columns))
    ]
    return Panel(
        title=TIMES.join(panel),
        x=Axis(label=found.factors[1], low=-0.5, high=len(found.columns) - 0.5, names=list(found.columns)),
        y=Axis(label=found.factors[0], low=-0.5, high=last + 0.5, names=list(reversed(found.rows))),
        tiles=tiles,
    )


def _texts(crossing: Crossing) -> list[str]:
    if crossing.mean is None:
        return ["–"]
    fell = [f"{crossing.collapsed}/{crossing.runs} collapsed"] if crossing.collapsed else []
    return [points(crossing.mean / 100), *fell]


def _said(crossing: Crossing) -> str:
    if crossing.mean is None:
        return "no scored run"
    return f"final average {points(crossing.mean / 100)} %; {crossing.collapsed} of {crossing.runs} runs collapsed"


def _crossed(found: Crossings, panel: Sequence[str], at: Mapping[tuple[str, str], Crossing]) -> Numbers:
    rows = [[row, *(", ".join(_texts(at[row, column])) for column in found.columns)] for row in found.rows]
    where = f", {TIMES.join(panel)}" if panel else ""
    return Numbers(
        title=f"Mean final average %{where}: {found.factors[0]} by {found.factors[1]}",
        heads=[(found.factors[0], None), *((column, None) for column in found.columns)],
        rows=rows,
    )
