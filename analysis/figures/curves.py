"""What happened over a run: arms in panels by the arm that they are tested against, which is in each, and by the level of
their ratio."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from analysis.evidence.curve_rows import ROWS, Curve
from analysis.evidence.evidence import Evidence
from analysis.figures.style import FAINT, Look, looks, panels, percent_ticks, run_lines
from analysis.logs.manifest import Arm
from analysis.statistics import half_widths
from analysis.text.escape import plot

LEGEND_CHARACTERS = 24
MANY_COLUMNS, NARROW = 4, 18
"""From so many columns on a line of a legend has fewer characters."""
MOST_IN_PANEL = 4
"""Arms a panel, their reference aside."""
MOST_LINES = 12
"""Runs of an arm that are drawn as lines of their own."""
MOST_POINTS = 120
"""Rollouts that are drawn of a curve: more would be a pixel each, and megabytes."""
FEWEST_FOR_BAND = 5
"""With fewer runs an interval is many times their spread: bands would hide the runs."""


def families(evidence: Evidence) -> list[tuple[str, list[Arm]]]:
    """Panels: a heading and the arms in it. Arms whose runs never started are in none."""
    study, references = evidence.study, evidence.study.references()
    trained = [arm for arm in study.with_role("arm", "no_clip") if evidence.counted(arm)]
    headings = {arm.name: _level(evidence, arm) for arm in trained}
    levels = {headings[arm.name] for arm in trained if arm.role == "arm"}
    only = next(iter(levels)) if len(levels) == 1 else None
    groups: dict[tuple[Arm, str], list[Arm]] = {}
    for arm in trained:
        reference = study.reference_of(arm)
        if reference is not None and arm not in references:
            # where clipped arms have one level, the arm without a clip needs no panel of its own
            groups.setdefault((reference, only or headings[arm.name]), []).append(arm)
    split = []
    for (reference, heading), arms in groups.items():
        size = -(-len(arms) // -(-len(arms) // MOST_IN_PANEL))  # neighbours together: their colours differ
        own = [reference] if evidence.counted(reference) else []
        split += [(heading, own + arms[i : i + size]) for i in range(0, len(arms), size)]
    shown = {arm.name for _, arms in split for arm in arms}
    alone = [arm for arm in references if evidence.counted(arm) and arm.name not in shown]
    return [*split, ("", alone)] if alone or not split else split


def _level(evidence: Evidence, arm: Arm) -> str:
    known = evidence.runs.loc[evidence.counted(arm), "ratio"].dropna()
    return f"{known.iat[0]} ratio" if len(known) else "other arms"


def draw(evidence: Evidence, curves: list[Curve], row_height: float) -> Figure | None:
    """A row a curve that was logged and a column a family; None where nothing was."""
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


def limits(curve: Curve) -> tuple[float, float]:
    """A row's limits from its runs: a wide band is cut, it must not flatten what was seen."""
    seen = np.append(np.ravel(curve.table), [] if curve.reference is None else [curve.reference])
    low, high = curve.scale * float(np.nanmin(seen)), curve.scale * float(np.nanmax(seen))
    margin = 0.08 * (high - low) or 1.0
    return low - margin, high + margin


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


def band(y: NDArray[np.float64], runs: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean over runs (columns) and half of its 95 % t interval, a row a rollout.

    Both are nan where fewer than `runs` are left, the half also where `runs` are too few for a band.
    """
    mean, half = np.full(len(y), np.nan), np.full(len(y), np.nan)
    seen = ~np.isnan(y)
    for n in {int(n) for n in seen.sum(axis=1) if n >= max(runs, 1)}:
        rows = np.flatnonzero(seen.sum(axis=1) == n)
        values = y[rows][seen[rows]].reshape(len(rows), n)
        mean[rows] = values.mean(axis=1)
        if runs >= FEWEST_FOR_BAND:
            half[rows] = half_widths(values)
    return mean, half


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


def figure_of(name: str) -> Callable[[Evidence], Figure | None]:
    """How the figure of that name is drawn."""
    rows, height = ROWS[name]
    return lambda evidence: draw(evidence, rows(evidence), row_height=height)
