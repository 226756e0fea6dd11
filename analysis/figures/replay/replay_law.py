"""The law of entropy: the squared log-ratio of segments against their entropy, by rule."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure as Printed
from matplotlib.ticker import LogLocator, NullFormatter
from numpy.typing import NDArray

from analysis.evidence.replay import Replay
from analysis.figures.figure import Figure
from analysis.figures.labels import Entry, legend_height, shared_legend, wrapped
from analysis.figures.model import LOG, QUARTER, Axis, Chart, Line, Numbers, Panel, Series, Slope, number
from analysis.figures.replay.family import foot
from analysis.figures.style import FAINT, MUTED, TEXT, ArmStyle, grid, rule_look, run_lines
from analysis.logs.replay_summary import LawOfRule
from analysis.logs.trace import REPLAY_SUMMARY, Trace, trace
from analysis.statistics import t_interval
from analysis.text.numbers import estimate

COLUMNS = 3
HEIGHT = 1.45
"""Inches of a panel."""
BESIDE = 1.4
"""Factor by which lines go beyond the outermost bins: some rules fill only two."""
FEWEST = 20
"""Segments of a run below which its bin is left out of the replay."""
DECADES = 7
"""Of D² that are shown at most: log-ratios of nearly certain tokens are rounding errors."""
CANDIDATES = {
    "fixed bound, b = 0": (0.0, ArmStyle(MUTED, (0, (1, 1.5)), "")),
    "bound ∝ √H, b = 1": (1.0, ArmStyle(MUTED, (0, (4, 1.5)), "")),
    "bound ∝ H, b = 2": (2.0, ArmStyle(MUTED, (0, (6, 1.5, 1, 1.5)), "")),
}
ENTROPY, SQUARE = "entropy H of the segment, nats", "mean squared log-ratio D²"
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Binned:
    """The law under one rule: mean D² by bin of entropy, over runs and in each of them, and the power law."""

    law: LawOfRule
    look: ArmStyle
    x: Array
    mean: Array
    """Geometric mean over runs, nan where a run has too few segments."""
    low: Array
    high: Array
    runs: Array
    """One column per run."""
    center: tuple[float, float]
    exponent: float

    def along(self, exponent: float, floor: float, y: tuple[float, float]) -> tuple[Array, Array]:
        """Return a power law through the center, where it lies within y and the bins from the floor on."""
        x0, y0 = self.center
        x = self.x[self.x >= floor]
        fine = np.geomspace(x.min() / BESIDE, x.max() * BESIDE, 200) if x.size else x
        value = y0 * (fine / x0) ** exponent
        inside = (value >= y[0]) & (value <= y[1])
        return fine[inside], value[inside]

    @property
    def title(self) -> str:
        """Return the rule and its exponent."""
        found = self.law.estimates["exponent"]
        return f"{self.law.rule}: b = {estimate(self.exponent, found.low, found.high)}"


def binned(replay: Replay) -> list[Binned] | None:
    """Return the rules with a power law; None if there is none, or if the law was not asked for."""
    law = replay.summary.law
    found = [] if law is None else [_binned(row) for row in law.rules]
    return [one for one in found if one is not None] or None


def _binned(law: LawOfRule) -> Binned | None:
    runs = [run for run in law.runs if run.center is not None]
    exponent = law.estimates["exponent"].value
    places = sorted({one.place for run in runs for one in run.bins})
    if not runs or exponent is None or len(places) < 2:
        return None
    by_place = [{one.place: one for one in run.bins} for run in runs]
    entropy = [[mine[k].entropy for mine in by_place if k in mine] for k in places]
    square = np.array([[mine[k].square if k in mine else math.nan for mine in by_place] for k in places])
    spread = [t_interval(row) if np.isfinite(row).all() else None for row in np.log(square)]
    ends = np.array(
        [
            (math.nan,) * 3 if one is None else (one.point, _or_nan(one.low), _or_nan(one.high))
            for one in spread
        ]
    )
    centers = np.log([run.center for run in runs if run.center is not None]).mean(axis=0)
    return Binned(
        law=law,
        look=rule_look(law.rule),
        x=np.exp([np.log(row).mean() for row in entropy]),
        mean=np.exp(ends[:, 0]),
        low=np.exp(ends[:, 1]),
        high=np.exp(ends[:, 2]),
        runs=square,
        center=(float(np.exp(centers[0])), float(np.exp(centers[1]))),
        exponent=exponent,
    )


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value


def _limits(found: list[Binned]) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the common ends of both axes."""
    x = np.concatenate([one.x for one in found])
    y = np.concatenate([one.runs.ravel() for one in found])
    highest = 3 * float(np.nanmax(y))
    return (0.7 * float(x.min()), 1.4 * float(x.max())), (
        max(float(np.nanmin(y)) / 2, highest / 10.0**DECADES),
        highest,
    )


def _floor(replay: Replay) -> float:
    law = replay.summary.law
    return math.nan if law is None else law.floor


def draw(replay: Replay, found: list[Binned]) -> Printed:
    """Draw one panel per rule: bins with intervals, the power law, and three slopes through its center."""
    columns = min(COLUMNS, len(found))
    entries: list[Entry] = [
        ("mean over runs", ArmStyle("#000000", "none", "o")),
        ("fitted power law", ArmStyle("#000000", "-", "")),
    ]
    entries += [(name, look) for name, (_, look) in CANDIDATES.items()]
    figure, axes = grid(
        columns, -(-len(found) // columns), (TEXT, HEIGHT), top=0.22, gap=0.3,
        below=0.42 + legend_height(entries, TEXT), share_y="all", share_x=True,
    )  # fmt: skip
    x, y = _limits(found)
    for ax, one in zip(axes.flat, found, strict=False):
        _draw_panel(ax, one, _floor(replay), y)
        ax.set_title(wrapped(one.title, 2.0))
    for ax in axes.flat[len(found) :]:
        ax.set_visible(False)
    axes.flat[0].set(xscale="log", yscale="log", xlim=x, ylim=y)
    for ax in axes.flat:
        ax.xaxis.set_major_locator(LogLocator(numticks=6))
        ax.yaxis.set_major_locator(LogLocator(numticks=6))
        ax.xaxis.set_minor_formatter(NullFormatter())
    for i, ax in enumerate(axes.flat[: len(found)]):
        ax.xaxis.set_tick_params(labelbottom=i + columns >= len(found))
    figure.supxlabel(ENTROPY, fontsize=8, y=(legend_height(entries, TEXT) + 0.02) / figure.get_figheight())
    figure.supylabel(SQUARE, fontsize=8, x=0.005)
    shared_legend(figure, entries)
    return figure


def _draw_panel(ax: Any, one: Binned, floor: float, y: tuple[float, float]) -> None:
    look = one.look
    run_lines(ax, one.x, one.runs, look)
    ax.axvspan(floor / 1e6, floor, color=FAINT, alpha=0.25, linewidth=0, zorder=0)
    seen = np.isfinite(one.low) & np.isfinite(one.high)
    ax.vlines(one.x[seen], one.low[seen], one.high[seen], color=look.color, linewidth=0.9, zorder=2)
    ax.plot(
        one.x, one.mean, look.marker, color=look.color, markersize=3.6, markeredgecolor="white",
        markeredgewidth=0.4, zorder=4,
    )  # fmt: skip
    for exponent, style in CANDIDATES.values():
        ax.plot(*one.along(exponent, floor, y), color=style.color, linestyle=style.dash, linewidth=0.7)
    ax.plot(*one.along(one.exponent, floor, y), color=look.color, linewidth=1.3, zorder=3)


def chart(replay: Replay, found: list[Binned]) -> Chart:
    """Return the same panels as a chart."""
    floor, (x, y) = _floor(replay), _limits(found)
    panels, tables, everyone = [], [], []
    for i, one in enumerate(found):
        series = Series(i, one.law.rule, one.look)
        everyone.append(series)
        laws = [(name, b, look, 1.0) for name, (b, look) in CANDIDATES.items()]
        laws.append(("fitted power law", one.exponent, ArmStyle(one.look.color, "-", ""), 2.0))
        panels.append(
            Panel(
                title=one.title,
                x=Axis(label=ENTROPY, low=x[0], high=x[1], scale=LOG),
                y=Axis(label=SQUARE, low=y[0], high=y[1], scale=LOG),
                lines=[_line(series, one)],
                slopes=[_slope(series, one, floor, y, law) for law in laws],
                table=i,
                size=QUARTER,
                switch=series,
            )
        )
        tables.append(_numbers(one))
    return Chart(name=FIGURE.name, series=everyone, panels=panels, tables=tables)


def _line(series: Series, one: Binned) -> Line:
    return Line(
        series=series,
        x=one.x.tolist(),
        mean=one.mean.tolist(),
        low=one.low.tolist(),
        high=one.high.tolist(),
        runs=one.runs.T.tolist(),
    )


def _slope(
    series: Series, one: Binned, floor: float, y: tuple[float, float], law: tuple[str, float, ArmStyle, float]
) -> Slope:
    name, exponent, look, width = law
    at_x, at_y = one.along(exponent, floor, y)
    ends = [0, -1] if len(at_x) > 1 else []
    says = f"{one.law.rule}, {name}: D² grows as H to the power {number(exponent)}"
    return Slope(
        series=series,
        look=look,
        x=[float(at_x[i]) for i in ends],
        y=[float(at_y[i]) for i in ends],
        says=says,
        width=width,
    )


def _numbers(one: Binned) -> Numbers:
    rows = [
        [number(x), number(mean), number(low), number(high)]
        for x, mean, low, high in zip(one.x, one.mean, one.low, one.high, strict=True)
    ]
    heads = [("entropy, nats", None), ("mean D²", None), ("95 % from", None), ("to", None)]
    return Numbers(
        title=f"{one.law.rule}: {SQUARE} by entropy, geometric mean over runs", heads=heads, rows=rows
    )


def caption(replay: Replay) -> str:
    """Return what the panels show."""
    return (
        "Mean squared log-ratio of segments by their entropy, with the fitted power law and the slopes of three bounds through "
        "its center; thin lines are runs, with 95 % intervals over them"
    )


def notes(replay: Replay) -> tuple[str, ...]:
    """Return how bins and lines are made."""
    law = replay.summary.law
    return (
        f"Gray: entropy below {_floor(replay):g} nats, which no exponent uses. Bins are a factor of 2 wide, with {FEWEST} or more segments "
        "of each run; D² is brought to a run's typical optimizer step and segment length by the fit.",
        "Updates from the second of a rollout on: on the first, log-ratios are 0.",
        *(() if law is None else (law.verdict,)),
        *foot(replay),
    )


def origin(replay: Replay) -> Trace:
    """Return the trace of the law."""
    runs = range(replay.first_run, replay.first_run + len(replay.summary.runs))
    return trace(
        "mean D² by entropy, and a power law whose scale is free for every optimizer step",
        [REPLAY_SUMMARY],
        runs,
    )


FIGURE = Figure(
    name="replay_law",
    data=binned,
    draw=draw,
    chart=chart,
    caption=caption,
    notes=notes,
    trace=origin,
)
