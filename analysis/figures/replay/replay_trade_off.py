"""Misses and needless hits of a clip: extreme tokens that pass against tokens clipped without need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Printed
from matplotlib.lines import Line2D

from analysis.evidence.replay import Replay, ReplayCurve, pool, share, swept_bound, total
from analysis.figures.figure import Figure
from analysis.figures.labels import LONGEST
from analysis.figures.model import Axis, Chart, Line, Mark, Numbers, Panel, number
from analysis.figures.replay.chart import shown
from analysis.figures.replay.family import LATER, foot, look_of, origin, rule_series
from analysis.figures.replay.printed import (
    MARK,
    handles,
    legend,
    legend_marker,
    mark,
    panel,
)
from analysis.figures.style import MUTED
from analysis.logs.replay_summary import Match
from analysis.text.escape import plot
from analysis.text.rounding import rounded
from sspo.metrics import MIN_ELIGIBLE

MARK_SIZES = (4.0, 8.0)
X, Y = "clipped tokens whose own ratio is inside the bound %", "extreme tokens that are not clipped %"


@dataclass(frozen=True)
class Path:
    """One curve's points (columns x and y, in percent): along the grid by bound, and at every matched bound."""

    curve: ReplayCurve
    grid: pd.DataFrame
    matched: list[tuple[Match, pd.DataFrame]]


def paths(replay: Replay) -> list[Path] | None:
    """Return one path per curve, possibly without points; None if no point of any path has enough tokens."""
    found = []
    for curve in replay.curves:
        grid = replay.grid(curve)
        side = swept_bound(grid)
        along = costs(pool(grid, [side])) if side else costs(grid.iloc[:0])
        matched = [(match, costs(total(replay.at(match)))) for match in replay.matches(curve)]
        found.append(Path(curve, along, matched))
    return found if any(map(_has_points, found)) else None


def costs(counts: pd.DataFrame) -> pd.DataFrame:
    """Return points of the trade-off in percent, without those from too few tokens."""
    axes = {"x": share(counts, "collateral_clip_frac"), "y": share(counts, "extreme_retained_frac")}
    return 100 * pd.DataFrame(axes).dropna()


def _has_points(path: Path) -> bool:
    return not (path.grid.empty and all(at.empty for _, at in path.matched))


def draw(replay: Replay, found: list[Path]) -> Printed:
    """Draw a line along the grid, and marks that are larger if more is clipped."""
    targets = sorted({match.target for match in replay.summary.matched})
    sizes = dict(zip(targets, np.linspace(*MARK_SIZES, len(targets)), strict=True))
    figure, ax = panel(replay, [_matched(target) for target in sizes])
    for path in filter(_has_points, found):
        look, grid = look_of(replay, path.curve), path.grid
        label = plot(path.curve.label, LONGEST)
        ax.plot(
            grid["x"], grid["y"], color=look.color, linestyle=look.dash, label=label, **legend_marker(look)
        )
        for match, at in path.matched:
            mark(ax, at["x"], at["y"], look, sizes[match.target])
    ax.set_ylim(-3, 103)
    ax.set_xlim(left=-3)
    ax.set_xlabel(X)
    ax.set_ylabel(Y)
    legend(ax, [*handles(ax), *_size_handles(sizes)])
    return figure


def _size_handles(sizes: dict[float, float]) -> list[Any]:
    return [
        Line2D([], [], marker="o", color=MUTED, markersize=size, label=_matched(target), **MARK)
        for target, size in sizes.items()
    ]


def _matched(target: float) -> str:
    return f"matched to {100 * target:g} %"


def chart(replay: Replay, found: list[Path]) -> Chart:
    """Return the grid as a line of small marks, and matched bounds as large ones."""
    everyone = rule_series(replay)
    marks, lines, rows = [], [], []
    for path in found:
        series, label = everyone[path.curve], path.curve.label
        lines.append(Line(series=series, x=path.grid["x"].tolist(), mean=path.grid["y"].tolist()))
        points = [(rounded(bound, ".3g"), point, 2.0) for bound, point in path.grid.iterrows()]
        for match, at in path.matched:
            bound = f"{rounded(match.low, '.3g')}, matched to {100 * match.target:g} %"
            points += [(bound, point, 5.0) for _, point in at.iterrows()]
        for bound, point, size in points:
            x, y = float(point["x"]), float(point["y"])
            says = f"{label} at {bound}: {number(x)} % inside the bound, {number(y)} % of extremes pass"
            marks.append(Mark(series=series, x=x, y=y, says=says, size=size))
            rows.append([label, bound, number(x), number(y)])
    only = Panel(
        title="",
        x=Axis(label=X, low=-3, high=max(10, *(point.x + 3 for point in marks))),
        y=Axis(label=Y, low=-3, high=103),
        lines=lines,
        marks=marks,
    )
    heads = [("rule", None), ("bound", None), ("inside the bound %", None), ("extremes not clipped %", None)]
    table = Numbers(title="Points of the trade-off, all runs pooled", heads=heads, rows=rows)
    return Chart(name=FIGURE.name, series=shown(everyone.values(), marks), panels=[only], tables=[table])


def caption(_: Replay) -> str:
    """Return what each axis means, and which corner is better."""
    return (
        "What a clip misses (up: extreme tokens that pass) and what it hits needlessly (right: clipped tokens whose own ratio "
        "is inside the bound), along the grid of bounds; lower left is better"
    )


def notes(replay: Replay) -> tuple[str, ...]:
    """Return definitions, and a way not to read the figure."""
    marks = (
        ("Marks: bounds matched to the targets; larger marks clip more.",) if replay.summary.matched else ()
    )
    return (
        "Extreme tokens have a |log-ratio| of their own above log 1.5 in the direction that a clip could stop. Wider bounds are further "
        "up.",
        "Tokens inside the bound are clipped because of their segment; under token ratios there are none, by definition. "
        "Both axes judge by a token's own ratio: the token rule is the yardstick of the others, not a winner.",
        f"Tokens of all runs are pooled; nothing is shown if fewer than {MIN_ELIGIBLE} are eligible.",
        LATER,
        *marks,
        *foot(replay),
    )


FIGURE = Figure(
    name="replay_trade_off", data=paths, draw=draw, chart=chart, caption=caption, notes=notes, trace=origin
)
