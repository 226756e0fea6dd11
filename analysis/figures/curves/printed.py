"""Curves for the paper: arms in panels by the arm that they are tested against, which is in each, and by the level of their
ratio."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np
from matplotlib.figure import Figure as Printed
from numpy.typing import NDArray

from analysis.evidence.curve_rows import Curve
from analysis.evidence.evidence import Evidence
from analysis.figures.curves.panels import band, families, limits
from analysis.figures.style import FAINT, Look, looks, panels, percent_ticks, run_lines
from analysis.logs.manifest import Arm
from analysis.text.escape import plot

LEGEND_CHARACTERS = 24
MANY_COLUMNS, NARROW = 4, 18
"""From so many columns on a line of a legend has fewer characters."""
MOST_LINES = 12
"""Runs of an arm that are drawn as lines of their own."""
MOST_POINTS = 120
"""Rollouts that are drawn of a curve: more would be a pixel each, and megabytes."""


def draw(evidence: Evidence, curves: list[Curve], row_height: float) -> Printed | None:
    """A row per curve that was logged and a column per family; None where nothing was."""
    curves = [curve for curve in curves if curve.table.notna().to_numpy().any()]
    if not curves:
        return None
    groups, style = families(evidence), looks(evidence.study)
    labels = {arm.name: _label(arm, len(groups)) for _, arms in groups for arm in arms}
    lines = max(sum(labels[arm.name].count("\n") + 1 for arm in arms) for _, arms in groups) + 1
    figure, axes = panels(len(groups), len(curves), row_height, below=0.46 + 0.143 * lines)
    for row, curve in enumerate(curves):
        for column, (heading, arms) in enumerate(groups):
            ax = axes[row, column]
            for order, arm in enumerate(arms):
                _arm(ax, evidence, curve, arm, style[arm.name], order, labels[arm.name])
            if curve.log:
                ax.set_yscale("symlog", linthresh=0.01, linscale=0.4)
                percent_ticks(ax.yaxis, [curve.scale * float(curve.table.max().max())])
            if curve.reference is not None:
                level = curve.scale * curve.reference
                ax.axhline(level, color=FAINT, linewidth=0.8, linestyle=(0, (2, 2)), zorder=0)
            if row == len(curves) - 1:
                ax.set_xlabel("logged step" if evidence.study.imported else "rollout")
                ax.legend(
                    title=heading,
                    alignment="left",
                    loc="upper left",
                    bbox_to_anchor=(-0.05, -0.4 / row_height),
                    borderaxespad=0,
                )
        axes[row, 0].set_ylabel(curve.label)
        if not curve.log:
            axes[row, 0].set_ylim(*limits(curve))
    return figure


def _label(arm: Arm, columns: int) -> str:
    """The arm's label in a legend, in two lines where columns are narrow."""
    if columns < MANY_COLUMNS:
        return plot(arm.label, LEGEND_CHARACTERS)
    together = plot(arm.label, 2 * NARROW).replace(" %", "\N{NO-BREAK SPACE}%")
    return textwrap.fill(together, NARROW)


def _arm(ax: Any, evidence: Evidence, curve: Curve, arm: Arm, look: Look, order: int, label: str) -> None:
    runs = [r for r in evidence.counted(arm) if r in curve.table.columns]
    table = curve.scale * curve.table[runs].dropna(how="all")
    table = table.iloc[drawn_rows(len(table))]
    x = table.index.to_numpy() + 1
    y = table.to_numpy()
    if not y.size:
        return
    run_lines(ax, x, y[:, drawn_runs(y)], look)
    mean, half = band(y, len(evidence.counted(arm)))
    ax.fill_between(x, mean - half, mean + half, color=look.color, alpha=0.15, linewidth=0, zorder=2)
    every = max(1, len(x) // 5)
    ax.plot(
        x,
        mean,
        color=look.color,
        linestyle=look.dash,
        marker=look.marker,
        markersize=3,
        markevery=(order * every // 4 % max(1, len(x)), every),
        label=label,
        zorder=3,
    )


def drawn_rows(rollouts: int) -> NDArray[np.int64]:
    """Positions of the rollouts that are drawn: all, or every k-th up to the last."""
    every = -(-rollouts // MOST_POINTS)
    return np.arange(rollouts)[::-1][:: max(every, 1)][::-1]


def drawn_runs(y: NDArray[np.float64]) -> NDArray[np.int64]:
    """Columns of the runs that are drawn as lines: all, or of those sorted by their mean the ends and evenly between."""
    runs = y.shape[1]
    if runs <= MOST_LINES:
        return np.arange(runs)
    seen = ~np.isnan(y)
    level = np.where(seen, y, 0.0).sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
    return np.sort(np.argsort(level, kind="stable")[np.linspace(0, runs - 1, MOST_LINES).round().astype(int)])


def thinned(evidence: Evidence) -> str:
    """What is left out of the drawing, for captions; empty where all is drawn."""
    parts = []
    if max((len(evidence.counted(arm)) for arm in evidence.study.arms), default=0) > MOST_LINES:
        parts.append(
            f"of more than {MOST_LINES} runs of an arm, {MOST_LINES} are lines, evenly spaced by their mean, lowest and highest "
            "among them; mean and band are over all"
        )
    if evidence.logs.metrics["rollout"].nunique() > MOST_POINTS:
        parts.append(f"of more than {MOST_POINTS} rollouts, every k-th up to the last is drawn")
    return "; ".join(parts)
