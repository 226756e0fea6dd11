"""Curves for the paper: in one panel with a label at the end of every line if they fit, else in small panels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure as Printed
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

from analysis.evidence.curve_rows import Curve
from analysis.evidence.evidence import Evidence
from analysis.figures.curves.chosen import MOST_PANELS, banded, drawn_arms, drawn_groups, drawn_rows, few
from analysis.figures.curves.panels import arms_of, band, limits, logged, off_axis, shows_runs, x_name
from analysis.figures.labels import (
    Entry,
    end_labels,
    legend_height,
    room_at_ends,
    shared_legend,
    wrapped,
)
from analysis.figures.model import LOG, Axis, number, ticks
from analysis.figures.style import (
    COLUMN,
    MUTED,
    SMALLEST,
    STEPS,
    TEXT,
    ArmStyle,
    grid,
    looks,
    percent_ticks,
    run_lines,
)
from analysis.logs.manifest import Arm
from analysis.text.escape import plot

LEVEL = ArmStyle(MUTED, (0, (2, 2)), "None")
"""The style of a dashed line."""
COLUMNS = 4
"""Small panels side by side, one per arm."""
Span = tuple[float, float]
BELOW = 0.36
"""Inches for the axis below the panels."""


def draw(evidence: Evidence, curves: list[Curve], row_height: float) -> Printed | None:
    """Draw the curves; None if nothing was logged."""
    curves = [curve for curve in curves if curve.table.notna().to_numpy().any()]
    if not curves:
        return None
    if len(curves) == 1 and (curves[0].together or few(evidence)):
        return _one_panel(evidence, curves[0])
    if few(evidence):
        return _side_by_side(evidence, curves)
    if len(curves) == 1:
        return _panel_an_arm(evidence, curves[0])
    return _grid(evidence, curves, row_height)


def _one_panel(evidence: Evidence, curve: Curve) -> Printed:
    """Draw all arms, each with its label at the end of its line."""
    style, arms = looks(evidence.study), arms_of(evidence, curve)
    room = room_at_ends([*(arm.label for arm in arms), curve.named])
    inches = COLUMN if room < 1.15 and len(arms) < MOST_PANELS else TEXT
    high = max(1.6, 0.13 * len(arms))
    figure, axes = grid(1, 1, (inches, high), right=room, top=0.24, below=BELOW, left=0.48)
    ax = axes[0, 0]
    for order, arm in enumerate(arms):
        _arm(ax, evidence, curve, arm, style[arm.name], order)
    _axes(ax, evidence, curve, arms, limits(evidence, curve), last=True)
    ax.margins(x=0.01)
    _level(ax, curve)
    ax.set_title(curve.label, loc="left")
    ends = [(*end, arm.label, style[arm.name]) for arm in arms if (end := _end(evidence, curve, arm))]
    if curve.reference is not None:
        ends.append((ax.get_xlim()[1], curve.scale * curve.reference, curve.named, LEVEL))
    end_labels(ax, ends)
    return figure


def _end(evidence: Evidence, curve: Curve, arm: Arm) -> tuple[float, float] | None:
    """Return where the arm's mean ends; None if it has none."""
    table = curve.scale * curve.table[logged(evidence, curve, arm)]
    mean = band(table.to_numpy(), len(evidence.counted(arm)), curve).mean
    seen = np.flatnonzero(np.isfinite(mean))
    return (float(table.index[seen[-1]]) + 1, float(mean[seen[-1]])) if len(seen) else None


def _side_by_side(evidence: Evidence, curves: Sequence[Curve]) -> Printed:
    """Draw one panel per curve."""
    style = looks(evidence.study)
    arms = list(dict.fromkeys(arm for curve in curves for arm in arms_of(evidence, curve)))
    entries: list[Entry] = [(arm.label, style[arm.name]) for arm in arms]
    figure, axes = grid(
        len(curves), 1, (TEXT, 1.5), below=BELOW + legend_height(entries, TEXT), top=0.24, share_y="none"
    )
    for ax, curve in zip(axes[0], curves, strict=True):
        own = arms_of(evidence, curve)
        for order, arm in enumerate(own):
            _arm(ax, evidence, curve, arm, style[arm.name], order)
        _axes(ax, evidence, curve, own, limits(evidence, curve), last=True)
        _level(ax, curve)
        ax.set_title(curve.label, loc="left")
    figure.subplots_adjust(wspace=0.28)
    shared_legend(figure, entries)
    return figure


def _panel_an_arm(evidence: Evidence, curve: Curve) -> Printed:
    """Draw one small panel per arm, with its reference in black in each."""
    study, style = evidence.study, looks(evidence.study)
    shown = drawn_arms(evidence, curve)
    several = study.several_references()
    columns = min(COLUMNS, len(shown))
    rows = -(-len(shown) // columns)
    references = [a for a in arms_of(evidence, curve) if a in study.references()]
    entries: list[Entry] = (
        [] if several else [(f"{a.label}, in every panel", style[a.name]) for a in references]
    )
    if curve.reference is not None:
        entries.append((curve.named, LEVEL))
    one = (TEXT - 0.6) / columns - 0.14
    titles = [_title(evidence, arm, one, several=several) for arm in shown]
    lines = max(title.count("\n") + 1 for title in titles)
    figure, axes = grid(
        columns, rows, (TEXT, 0.95), gap=0.13 + 0.125 * lines, top=0.1 + 0.125 * lines,
        below=BELOW + legend_height(entries, TEXT), share_y="all",
    )  # fmt: skip
    span = limits(evidence, curve)
    for place, (ax, arm, title) in enumerate(zip(axes.flat, shown, titles, strict=False)):
        against = study.reference_of(arm)
        for own in (against, arm) if against in references else (arm,):
            _arm(ax, evidence, curve, own, style[own.name], 0)
        last = place + columns >= len(shown)
        _axes(ax, evidence, curve, (arm,), span, last=last)
        _level(ax, curve)
        ax.tick_params(labelbottom=last)
        ax.set_title(title, fontsize=SMALLEST)
    for ax in axes.flat[len(shown) :]:
        ax.set_visible(False)
    for ax in axes[:, 0]:
        ax.set_ylabel(wrapped(curve.label, 0.95), fontsize=7.5)
    shared_legend(figure, entries)
    return figure


def _title(evidence: Evidence, arm: Arm, inches: float, *, several: bool) -> str:
    against = evidence.study.reference_of(arm)
    title = wrapped(arm.label, inches)
    return title if not several or against is None else f"{title}\n{wrapped(f'vs {against.label}', inches)}"


def _grid(evidence: Evidence, curves: Sequence[Curve], row_height: float) -> Printed:
    """Draw one row per curve and one column per group of arms, with one legend."""
    style, groups = looks(evidence.study), drawn_groups(evidence, len(curves))
    arms = list(dict.fromkeys(arm for _, arms in groups for arm in arms))
    entries: list[Entry] = [(arm.label, style[arm.name]) for arm in arms]
    one = (TEXT - 0.6) / len(groups) - 0.14
    titles = [wrapped(heading, one) for heading, _ in groups]
    lines = max(title.count("\n") + 1 for title in titles)
    figure, axes = grid(
        len(groups), len(curves), (TEXT, row_height), gap=0.12, top=0.12 + 0.125 * lines,
        below=BELOW + legend_height(entries, TEXT),
    )  # fmt: skip
    for row, curve in enumerate(curves):
        span = limits(evidence, curve)
        for ax, (_, own) in zip(axes[row], groups, strict=True):
            for order, arm in enumerate(own):
                _arm(ax, evidence, curve, arm, style[arm.name], order)
            _axes(ax, evidence, curve, own, span, last=row == len(curves) - 1)
            _level(ax, curve)
        axes[row, 0].set_ylabel(wrapped(curve.label, row_height), fontsize=7.5)
    for ax, title in zip(axes[0], titles, strict=True):
        ax.set_title(title, fontsize=SMALLEST)
    shared_legend(figure, entries)
    return figure


def _axes(ax: Any, evidence: Evidence, curve: Curve, arms: Sequence[Arm], span: Span, *, last: bool) -> None:
    """Set scales, ticks and, in the last row, the name of x."""
    if curve.geometric:
        low, high = span
        ax.set_ylim(low, high)  # first: a scale looks for positive values where there may be none
        ax.set_yscale("log")
        marks = ticks(Axis(label="", low=low, high=high, scale=LOG))
        ax.yaxis.set_major_locator(FixedLocator(marks))
        ax.yaxis.set_minor_locator(NullLocator())
        ax.yaxis.set_major_formatter(lambda value, _: number(value))
    elif curve.log:
        ax.set_yscale("symlog", linthresh=0.01, linscale=0.4)
        percent_ticks(ax.yaxis, [curve.scale * float(curve.table.max().max())])
    else:
        ax.set_ylim(*span)
        ax.yaxis.set_major_locator(MaxNLocator(4, steps=STEPS))
        for arm, value in off_axis(evidence, curve, arms, span) if curve.robust else ():
            _beyond(ax, arm, value)
    ax.xaxis.set_major_locator(MaxNLocator(4, integer=True, steps=STEPS))
    if last:
        ax.set_xlabel(x_name(evidence, curve), labelpad=2)


def _beyond(ax: Any, arm: Arm, value: float) -> None:
    """Draw an arrow with the furthest mean of an arm that leaves the axis, at the side where it leaves."""
    up = value > ax.get_ylim()[1]
    text = f"{'↑' if up else '↓'} {plot(arm.label, 20)}: {number(value)}"
    ax.text(
        0.97, 0.98 if up else 0.02, text, transform=ax.transAxes, ha="right", va="top" if up else "bottom",
        fontsize=SMALLEST, color=MUTED,
    )  # fmt: skip


def _level(ax: Any, curve: Curve) -> None:
    if curve.reference is not None:
        level = curve.scale * curve.reference
        ax.axhline(level, color=LEVEL.color, linewidth=0.8, linestyle=LEVEL.dash, zorder=1)


def _arm(ax: Any, evidence: Evidence, curve: Curve, arm: Arm, look: ArmStyle, order: int) -> None:
    runs = logged(evidence, curve, arm)
    table = curve.scale * curve.table[runs].dropna(how="all")
    table = table.iloc[drawn_rows(len(table))]
    x, y = table.index.to_numpy() + 1, table.to_numpy()
    if not y.size:
        return
    if shows_runs(evidence, arm):
        run_lines(ax, x, y, look)
    shown = band(y, len(evidence.counted(arm)), curve)
    if banded(evidence, curve):
        ax.fill_between(x, shown.low, shown.high, color=look.color, alpha=0.15, linewidth=0, zorder=2)
    every = max(1, len(x) // 5)
    ax.plot(
        x,
        shown.mean,
        color=look.color,
        linestyle=look.dash,
        marker=look.marker,
        markersize=2.6,
        markevery=(order * every // 4 % max(1, len(x)), every),
        zorder=3,
    )
