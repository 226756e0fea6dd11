"""Recorded runs under other clip bounds: how much every segmentation rule clips, and what that costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from analysis.evidence.replay import (
    Curve,
    Replay,
    lies_on,
    pool,
    share,
    swept_bound,
    total,
)
from analysis.figures.style import MUTED, TEXT, Look, first_word, percent_ticks, rule_look, run_lines
from analysis.text.escape import plot

LABEL_CHARACTERS = 26
HEIGHT, HEIGHT_OF_ENTRY = 2.8, 0.17
"""Inches; the legend beside the panel must fit."""
MARK: dict[str, Any] = {"markeredgecolor": "white", "markeredgewidth": 0.6, "linestyle": "none"}
MARK_SIZE, MARK_SIZES = 5.5, (4.0, 8.0)


def clip_fraction(replay: Replay) -> Figure | None:
    """Clip fraction over the grid of bounds; None where no grid was replayed, or low and high vary apart in it."""
    sides = {curve: side for curve in replay.curves if (side := swept_bound(replay.grid(curve))) is not None}
    if not sides:
        return None
    figure, ax = _panel(replay)
    for curve, side in sides.items():
        look = look_of(replay, curve)
        _mean_of_runs(ax, by_run(replay.grid(curve), side), look, curve.label, marked=False)
        for match in replay.matches(curve):
            if not lies_on(match, replay.grid(curve)):
                continue
            matched = by_run(replay.at(match), side)
            _mark(ax, matched.index, matched.mean(axis=1), look, MARK_SIZE)
    ax.set_xscale("log")
    ax.set_xlabel(_bound_label(replay, sides))
    _clip_axis(ax, replay.summary.targets)
    _legend(ax, _handles(ax))
    return figure


def trade_off(replay: Replay) -> Figure | None:
    """Extreme tokens that pass against clipped tokens that need not have been; None where no point has enough tokens."""
    sizes = _sizes(replay)
    figure, ax = _panel(replay, len(sizes))
    for curve in replay.curves:
        look, side = look_of(replay, curve), swept_bound(replay.grid(curve))
        path = costs(pool(replay.grid(curve), [side])) if side else costs(replay.grid(curve).iloc[:0])
        marks = {match.target: costs(total(replay.at(match))) for match in replay.matches(curve)}
        if path.empty and all(mark.empty for mark in marks.values()):
            continue
        label = plot(curve.label, LABEL_CHARACTERS)
        ax.plot(
            path["x"], path["y"], color=look.color, linestyle=look.dash, label=label, **_legend_marker(look)
        )
        for target, mark in marks.items():
            _mark(ax, mark["x"], mark["y"], look, sizes[target])
    if not ax.lines:
        return None
    ax.set_ylim(-3, 103)
    ax.set_xlim(left=-3)
    ax.set_xlabel("clipped tokens whose own ratio is inside the bound %")
    ax.set_ylabel("extreme tokens that are not clipped %")
    _legend(ax, [*_handles(ax), *_size_handles(sizes)])
    return figure


def clip_by_update(replay: Replay) -> Figure | None:
    """Clip fraction by optimiser step of a rollout, at the bounds of the middle target; None without matched bounds."""
    target = middle_target(replay)
    if target is None:
        return None
    figure, ax = _panel(replay)
    for curve in replay.curves:
        for match in replay.matches(curve):
            if match.target == target:
                table = by_run(replay.at_every_update(match), "update")
                table.index = table.index + 1
                _mean_of_runs(ax, table, look_of(replay, curve), curve.label, marked=True)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel("optimiser step of a rollout")
    _clip_axis(ax, (target,))
    _legend(ax, _handles(ax))
    return figure


def middle_target(replay: Replay) -> float | None:
    """The target in the middle of those that some rule was matched to, the lower one of two."""
    targets = sorted({match.target for match in replay.summary.matched})
    return targets[(len(targets) - 1) // 2] if targets else None


def _panel(replay: Replay, entries: int = 0) -> tuple[Figure, Any]:
    """One panel with a legend at its right: an entry a curve, and `entries` more."""
    height = max(HEIGHT, HEIGHT_OF_ENTRY * (len(replay.curves) + entries))
    figure = Figure(figsize=(TEXT, height))
    return figure, figure.add_axes((0.095, 0.42 / height, 0.58, 1 - 0.53 / height))


def look_of(replay: Replay, curve: Curve) -> Look:
    """The rule's own; turned on for every further objective, and for every further rule of that name."""
    namesakes = [
        c.rule
        for c in replay.curves
        if c.objective == curve.objective and first_word(c.rule) == first_word(curve.rule)
    ]
    place = namesakes.index(curve.rule) * len(replay.objectives) + replay.objectives.index(curve.objective)
    return rule_look(curve.rule, place)


def by_run(rows: pd.DataFrame, by: str) -> pd.DataFrame:
    """Clip fraction in percent by a bound or by update (index), a column a run."""
    return 100 * share(pool(rows, [by, "run"]), "clip_frac_active").unstack("run")


def _mean_of_runs(ax: Any, table: pd.DataFrame, look: Look, label: str, *, marked: bool) -> None:
    x = table.index.to_numpy()
    run_lines(ax, x, table.to_numpy(), look)
    marker = {"marker": look.marker, "markersize": 4} if marked else _legend_marker(look)
    mean = table.mean(axis=1).to_numpy()
    ax.plot(
        x,
        mean,
        color=look.color,
        linestyle=look.dash,
        label=plot(label, LABEL_CHARACTERS),
        zorder=_above(ax),
        **marker,
    )


def _above(ax: Any) -> float:
    """What is drawn first stands on top: a control, the last rule, must not hide what it controls for, nor a large mark a
    small one."""
    return 3 - 0.001 * len(ax.lines)


def _legend_marker(look: Look) -> dict[str, Any]:
    """A marker that only the legend shows."""
    return {"marker": look.marker, "markersize": 4, "markevery": []}


def _mark(ax: Any, x: Any, y: Any, look: Look, size: float) -> None:
    ax.plot(x, y, look.marker, color=look.color, markersize=size, zorder=1 + _above(ax), **MARK)


def costs(counts: pd.DataFrame) -> pd.DataFrame:
    """Points of the trade-off in percent; those from too few tokens are left out."""
    axes = {"x": share(counts, "collateral_clip_frac"), "y": share(counts, "extreme_retained_frac")}
    return 100 * pd.DataFrame(axes).dropna()


def _sizes(replay: Replay) -> dict[float, float]:
    """A mark's size by target, in points: larger where more is clipped."""
    targets = sorted({match.target for match in replay.summary.matched})
    return dict(zip(targets, np.linspace(*MARK_SIZES, len(targets)), strict=True))


def _clip_axis(ax: Any, targets: Sequence[float]) -> None:
    """Percent on a symmetric log axis, with a dashed line at every target."""
    highest = max(float(np.nanmax(line.get_ydata(), initial=0)) for line in ax.lines)
    ax.set_yscale("symlog", linthresh=0.01, linscale=0.4)
    percent_ticks(ax.yaxis, [highest])
    ax.set_ylabel("clipped share of active tokens %")
    for target in targets:
        ax.axhline(100 * target, color=MUTED, linewidth=0.7, linestyle=(0, (2, 2)), zorder=0)
        ax.annotate(
            f"{100 * target:g} %", (1, 100 * target), (3, 0), xycoords=ax.get_yaxis_transform(),
            textcoords="offset points", va="center", fontsize=6.5, color=MUTED,
        )  # fmt: skip


def _bound_label(replay: Replay, sides: dict[Curve, str]) -> str:
    grids = [replay.grid(curve) for curve in sides]
    if all((grid["low"] == grid["high"]).all() for grid in grids):
        return "clip bound ε, both sides"
    words = {"low": "lower clip bound ε", "high": "upper clip bound ε"}
    return " or ".join(words[side] for side in sorted(set(sides.values())))


def _handles(ax: Any) -> list[Any]:
    return list(ax.get_legend_handles_labels()[0])


def _size_handles(sizes: dict[float, float]) -> list[Any]:
    return [
        Line2D(
            [], [], marker="o", color=MUTED, markersize=size, label=f"matched to {100 * target:g} %", **MARK
        )
        for target, size in sizes.items()
    ]


def _legend(ax: Any, handles: list[Any]) -> None:
    """At the right, past the names of targets."""
    ax.legend(
        handles=handles,
        loc="center left",
        bbox_to_anchor=(1.1, 0.5),
        borderaxespad=0,
        labelspacing=0.7,
        handlelength=3,
    )
