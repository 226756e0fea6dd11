"""Clip fraction over the grid of bounds: how much every segmentation rule clips at one bound."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure as Printed

from analysis.evidence.replay import Replay, ReplayCurve, lies_on, swept_bound
from analysis.figures.figure import Figure
from analysis.figures.model import LOG, Axis, Chart, Mark, Panel, number
from analysis.figures.replay.chart import clipped, mean_of_runs, numbers, shown
from analysis.figures.replay.family import LATER, RUNS, UPRIGHT, by_run, foot, look_of, origin, rule_series
from analysis.figures.replay.printed import clip_axis, handles, legend, mark, panel
from analysis.figures.replay.printed import mean_of_runs as draw_runs

MARK_SIZE = 5.5


@dataclass(frozen=True)
class Swept:
    """Clip fractions in percent of one curve, by the bound that the grid varies (index) and run (columns)."""

    curve: ReplayCurve
    side: str
    grid: pd.DataFrame
    matched: list[tuple[bool, pd.DataFrame]]
    """Whether each matched bound is on the grid, and its fractions."""


def swept(replay: Replay) -> list[Swept] | None:
    """Return the curves; None if no grid was replayed, or if low and high vary separately in it."""
    found = []
    for curve in replay.curves:
        grid = replay.grid(curve)
        side = swept_bound(grid)
        if side is not None:
            matched = [(lies_on(m, grid), by_run(replay.at(m), side)) for m in replay.matches(curve)]
            found.append(Swept(curve, side, by_run(grid, side), matched))
    return found or None


def draw(replay: Replay, found: list[Swept]) -> Printed:
    """Draw one line per rule, with marks at the matched bounds on it."""
    figure, ax = panel(replay)
    for one in found:
        look = look_of(replay, one.curve)
        draw_runs(ax, one.grid, look, one.curve.label, marked=False)
        for on_grid, matched in one.matched:
            if on_grid:
                mark(ax, matched.index, matched.mean(axis=1), look, MARK_SIZE)
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:g}")  # exponents would be too small to read
    ax.set_xlabel(_bound_label(replay, found))
    clip_axis(ax, replay.summary.targets)
    legend(ax, handles(ax))
    return figure


def _bound_label(replay: Replay, found: list[Swept]) -> str:
    grids = [replay.grid(one.curve) for one in found]
    if all((grid["low"] == grid["high"]).all() for grid in grids):
        return "clip bound ε, both sides"
    words = {"low": "lower clip bound ε", "high": "upper clip bound ε"}
    return " or ".join(words[side] for side in sorted({one.side for one in found}))


def chart(replay: Replay, found: list[Swept]) -> Chart:
    """Return the same lines as a chart, with marks at all matched bounds."""
    everyone = rule_series(replay)
    lines = [mean_of_runs(everyone[one.curve], one.grid) for one in found]
    marks = [
        Mark(
            series=everyone[one.curve],
            x=float(x),
            y=float(y),
            says=f"{one.curve.label} at {number(float(x))}, matched: clips {number(y)} %",
        )
        for one in found
        for _, matched in one.matched
        for x, y in zip(matched.index, matched.mean(axis=1), strict=True)
    ]
    bounds = [x for line in lines for x in line.x]
    only = Panel(
        title="",
        x=Axis(label="clip bound ε", low=min(bounds), high=max(bounds), scale=LOG),
        y=clipped(lines),
        lines=lines,
        marks=marks,
        levels=[100 * target for target in replay.summary.targets],
    )
    table = numbers("Clipped share of active tokens %, mean over runs", "bound", lines)
    return Chart(name=FIGURE.name, series=shown(everyone.values(), lines), panels=[only], tables=[table])


def caption(replay: Replay) -> str:
    """Return what the S-curves show."""
    targets = "; dashed: the targets" if replay.summary.targets else ""
    return (
        "Clipped share of tokens with A ≠ 0 against the clip bound, by rule: equal bounds do not clip equally; "
        f"{RUNS}{targets}"
    )


def notes(replay: Replay) -> tuple[str, ...]:
    """Return what marks are, and which updates count."""
    matched = (
        ("Marks: the bounds matched to the targets, all runs pooled.",) if replay.summary.matched else ()
    )
    return LATER, *matched, UPRIGHT, *foot(replay)


FIGURE = Figure(
    name="replay_clip_fraction",
    data=swept,
    draw=draw,
    chart=chart,
    caption=caption,
    notes=notes,
    trace=origin,
)
