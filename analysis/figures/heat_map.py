"""The scores at the crossings of two factors in a factorial study, and how many of the runs there collapsed."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure as Printed

from analysis.evidence.collapse import base_level, collapsed
from analysis.evidence.evidence import Evidence
from analysis.evidence.factors import TIMES, grid_of
from analysis.figures.factors import grid_origin
from analysis.figures.figure import Figure
from analysis.figures.labels import LONGEST, widest, wrapped
from analysis.figures.model import Axis, Chart, Numbers, Panel, Tile
from analysis.figures.style import MUTED, SMALLEST, TEXT, TILES
from analysis.logs.manifest import Arm
from analysis.text.escape import plot
from analysis.text.numbers import points

MOST_PANELS = 6


@dataclass(frozen=True)
class Crossing:
    """The crossing of two factors' levels: the mean final average in percent of the arm there, None without
    one, and how many of its runs collapsed.
    """

    mean: float | None = None
    collapsed: int = 0
    runs: int = 0


@dataclass(frozen=True)
class Crossings:
    """The last two factors of a grid crossed, one panel per combination of the others."""

    factors: tuple[str, str]
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    panels: Mapping[tuple[str, ...], Mapping[tuple[str, str], Crossing]]
    limits: tuple[float, float]
    """Lowest and highest mean, in percent."""


def crossings(evidence: Evidence) -> Crossings | None:
    """Return the crossings; None without two factors, without a score, or with more panels than can be read."""
    grid = grid_of(evidence.study)
    if grid is None or len(grid.factors) < 2 or evidence.primary.empty:
        return None
    panels = list(itertools.product(*grid.levels[:-2]))
    floor = base_level(evidence)
    at = {place: _crossing(evidence, arm, floor) for arm, place in grid.places}
    known = [crossing.mean for crossing in at.values() if crossing.mean is not None]
    if len(panels) > MOST_PANELS or not known:
        return None
    rows, columns = grid.levels[-2:]
    return Crossings(
        factors=(grid.factors[-2], grid.factors[-1]),
        rows=rows,
        columns=columns,
        panels={
            panel: {pair: at.get((*panel, *pair), Crossing()) for pair in itertools.product(rows, columns)}
            for panel in panels
        },
        limits=(min(known), max(*known, min(known) + 1e-9)),
    )


def _crossing(evidence: Evidence, arm: Arm, floor: float | None) -> Crossing:
    scores = evidence.of_arm(evidence.primary, arm)
    if not scores:
        return Crossing()
    return Crossing(100 * float(np.mean(list(scores.values()))), *collapsed(evidence, arm, floor))


def draw(_: Evidence, found: Crossings) -> Printed:
    """Draw one tile per crossing: mean score and collapsed runs."""
    height = 0.36 * len(found.rows) + 0.85
    figure = Printed(figsize=(TEXT, height))
    axes = figure.subplots(1, len(found.panels), squeeze=False)[0]
    rows = [plot(row, LONGEST) for row in found.rows]
    left = 0.36 + widest(rows)
    figure.subplots_adjust(
        left=left / TEXT, right=0.99, top=1 - 0.28 / height, bottom=0.46 / height, wspace=0.08
    )
    one = (TEXT - left) / len(found.panels) - 0.1
    for ax, (panel, at) in zip(axes, found.panels.items(), strict=True):
        _panel(ax, found, at)
        ax.set_yticks(range(len(rows)), rows if ax is axes[0] else [])
        ax.set_xticks(
            range(len(found.columns)), [wrapped(column, one / len(found.columns)) for column in found.columns]
        )
        ax.set_xlabel(plot(found.factors[1], LONGEST), fontsize=7.5)
        ax.set_title(wrapped(TIMES.join(panel), one), fontsize=7.5)
    axes[0].set_ylabel(plot(found.factors[0], LONGEST), fontsize=7.5)
    return figure


def _panel(ax: Any, found: Crossings, at: Mapping[tuple[str, str], Crossing]) -> None:
    shown = np.full((len(found.rows), len(found.columns)), np.nan)
    for i, j in np.ndindex(*shown.shape):
        crossing = at[found.rows[i], found.columns[j]]
        if crossing.mean is None:
            ax.text(j, i, "–", ha="center", va="center", color=MUTED, fontsize=SMALLEST)
            continue
        shown[i, j] = crossing.mean
        light = crossing.mean < sum(found.limits) / 2
        text = points(crossing.mean / 100)
        if crossing.collapsed:
            text += f"\n{crossing.collapsed}/{crossing.runs} collapsed"
        ax.text(j, i, text, ha="center", va="center", color="white" if light else "black", fontsize=SMALLEST)
    ax.imshow(shown, cmap=TILES, vmin=found.limits[0], vmax=found.limits[1], aspect="auto")
    ax.grid(visible=False)
    ax.tick_params(length=0)


def chart(_: Evidence, found: Crossings) -> Chart:
    """Return the same tiles as a chart; colors share one scale."""
    low, high = found.limits
    return Chart(
        name=FIGURE.name,
        series=[],
        panels=[_tiles(found, panel, at) for panel, at in found.panels.items()],
        tables=[_crossed(found, panel, at) for panel, at in found.panels.items()],
        note=f"Colors run evenly from {points(low / 100)} % (dark blue) to {points(high / 100)} % (yellow).",
    )


def _tiles(found: Crossings, panel: Sequence[str], at: Mapping[tuple[str, str], Crossing]) -> Panel:
    """Return tiles with rows from the top down, as in the files."""
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


def caption(_: Evidence) -> str:
    """Return what panels and numbers are."""
    return "Mean final average in % at the crossings of the last two factors, and how many of the runs there collapsed"


FIGURE = Figure(name="heat_map", data=crossings, draw=draw, chart=chart, caption=caption, trace=grid_origin)
