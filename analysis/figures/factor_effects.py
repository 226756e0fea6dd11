"""Scores by level of every factor of a factorial study, over all levels of the others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Printed

from analysis.evidence.evidence import Evidence
from analysis.evidence.factors import grid_of, level_means
from analysis.figures.factors import grid_origin
from analysis.figures.figure import Figure
from analysis.figures.labels import LINE, wrapped
from analysis.figures.model import Axis, Chart, Line, Mark, Numbers, Panel, Series, Slope, number
from analysis.figures.style import FAINT, TEXT, ArmStyle, grid
from analysis.statistics import Interval, t_interval

SEEDS = Series(0, "seeds", ArmStyle(FAINT, "-", "o"))
MEAN = Series(1, "mean over seeds, 95 % interval", ArmStyle("#000000", "-", "o"))
TITLE = 7.5
SIDE = 0.4
"""Room beside the outer levels on the page, in levels."""


@dataclass(frozen=True)
class LevelAverages:
    """Final averages in percent by seed (row) and level (column) of a factor, over all levels of the others."""

    factor: str
    table: pd.DataFrame
    intervals: tuple[Interval, ...]
    """Mean over seeds with its 95 % t interval, per level."""


def effects(evidence: Evidence) -> list[LevelAverages] | None:
    """Return one effect per factor; None if the study has no grid, or if an arm of it has no score."""
    design = grid_of(evidence.study)
    if design is None or any(
        evidence.primary.empty or not evidence.of_arm(evidence.primary, a) for a in design.arms
    ):
        return None
    found = []
    for i, factor in enumerate(design.factors):
        table = 100 * level_means(evidence, design, i, evidence.primary)
        if table.empty:
            return None
        found.append(
            LevelAverages(factor, table, tuple(t_interval(table[x].tolist()) for x in table.columns))
        )
    return found


def draw(_: Evidence, found: list[LevelAverages]) -> Printed:
    """Draw one panel per factor: a thin line per seed, and the mean over seeds with its 95 % t interval, at
    every level.
    """
    one = (TEXT - 0.6) / len(found) - 0.1
    titles = [wrapped(effect.factor, one, TITLE) for effect in found]
    labels = [
        [wrapped(str(level), one / len(effect.table.columns)) for level in effect.table.columns]
        for effect in found
    ]
    lines = max(text.count("\n") for text in titles), max(text.count("\n") for of in labels for text in of)
    figure, axes = grid(
        len(found),
        1,
        (TEXT, 1.4),
        top=0.26 + LINE * lines[0],
        below=0.24 + LINE * lines[1],
        share_x=False,
        share_y="all",
    )
    axes[0, 0].set_ylabel("final average %")
    for effect, ax, title, names in zip(found, axes[0], titles, labels, strict=True):
        x = np.arange(effect.table.shape[1])
        for _, row in effect.table.iterrows():
            ax.plot(x, row.to_numpy(), color=FAINT, linewidth=0.6, zorder=1)
        mean = [interval.point for interval in effect.intervals]
        half = [interval.half_width or 0.0 for interval in effect.intervals]
        ax.errorbar(x, mean, yerr=half, color="#000000", marker="o", markersize=4, capsize=2.5, zorder=2)
        ax.set_xticks(x, names)
        ax.set_xlim(-0.4, len(x) - 0.6)
        ax.set_title(title, fontsize=TITLE)
        ax.grid(axis="x", visible=False)
    return figure


def chart(_: Evidence, found: list[LevelAverages]) -> Chart:
    """Return the same panels as a chart, all with one axis of scores."""
    ends = [end for effect in found for i in effect.intervals for end in (i.low, i.high) if end is not None]
    values = [*ends, *(float(v) for effect in found for v in effect.table.to_numpy().ravel())]
    margin = 0.06 * (max(values) - min(values)) or 1.0
    y = Axis(label="final average %", low=min(values) - margin, high=max(values) + margin)
    return Chart(
        name=FIGURE.name,
        series=[SEEDS, MEAN],
        panels=[_effect(effect, y) for effect in found],
        tables=[_numbers(effect) for effect in found],
    )


def _effect(effect: LevelAverages, y: Axis) -> Panel:
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


def _interval(effect: LevelAverages, place: int) -> str:
    interval = effect.intervals[place]
    return number(interval.point) + (
        "" if interval.half_width is None else f" ± {number(interval.half_width, 2)}"
    )


def _numbers(effect: LevelAverages) -> Numbers:
    """Return one row per level: mean ± half of its interval, and every seed."""
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


def caption(_: Evidence) -> str:
    """Return what lines are."""
    return "Final average by level of every factor, over all levels of the others: gray lines are seeds, black is their mean with 95 % t intervals"


FIGURE = Figure(
    name="factor_effects", data=effects, draw=draw, chart=chart, caption=caption, trace=grid_origin
)
