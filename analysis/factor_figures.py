"""Figures of factorial studies: a factor's levels over all others, and the scores of two factors' crossings."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from analysis.escape import plot
from analysis.factors import TIMES, Grid, grid_of, level_means
from analysis.results import Evidence
from analysis.results_table import points
from analysis.stability_table import base_level, collapsed
from analysis.statistics import t_interval
from analysis.study import Arm
from analysis.style import FAINT, MUTED, TEXT

LEVEL_CHARACTERS, FACTOR_CHARACTERS = 14, 26
MOST_PANELS = 6
COLOURS = "cividis"
"""Readable in grey and by colour-blind readers."""


def factor_effects(evidence: Evidence) -> Figure | None:
    """A panel a factor: a thin line a seed, and the mean over seeds with its 95 % t interval, at every level."""
    grid = grid_of(evidence.study)
    if grid is None or any(
        evidence.primary.empty or not evidence.of_arm(evidence.primary, a) for a in grid.arms
    ):
        return None
    figure = Figure(figsize=(TEXT, 1.9))
    axes = figure.subplots(1, len(grid.factors), sharey=True, squeeze=False)[0]
    figure.subplots_adjust(left=0.095, right=0.99, top=0.97, bottom=0.24, wspace=0.12)
    for i, ax in enumerate(axes):
        table = 100 * level_means(evidence, grid, i, evidence.primary)
        x = np.arange(table.shape[1])
        for _, row in table.iterrows():
            ax.plot(x, row.to_numpy(), color=FAINT, linewidth=0.6, zorder=1)
        intervals = [t_interval(table[level].tolist()) for level in table.columns]
        mean = [interval.point for interval in intervals]
        half = [interval.half_width or 0.0 for interval in intervals]
        ax.errorbar(x, mean, yerr=half, color="#000000", marker="o", markersize=4, capsize=2.5, zorder=2)
        ax.set_xticks(x, [plot(level, LEVEL_CHARACTERS) for level in table.columns])
        ax.set_xlim(-0.4, len(x) - 0.6)
        ax.set_xlabel(plot(grid.factors[i], FACTOR_CHARACTERS))
        ax.grid(axis="x", visible=False)
    axes[0].set_ylabel("final average %")
    return figure


def heat_map(evidence: Evidence) -> Figure | None:
    """The last two factors of the grid crossed, a panel a combination of the others: mean score and collapsed runs."""
    grid = grid_of(evidence.study)
    if grid is None or len(grid.factors) < 2 or evidence.primary.empty:
        return None
    panels = list(itertools.product(*grid.levels[:-2]))
    if len(panels) > MOST_PANELS:
        return None
    rows, columns = grid.levels[-2:]
    means = {place: _mean(evidence, arm) for arm, place in grid.places}
    known = [value for value in means.values() if value is not None]
    if not known:
        return None
    height = 0.36 * len(rows) + 0.85
    figure = Figure(figsize=(TEXT, height))
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    figure.subplots_adjust(left=0.13, right=0.99, top=1 - 0.28 / height, bottom=0.46 / height, wspace=0.08)
    limits = (100 * min(known), max(100 * max(known), 100 * min(known) + 1e-9))
    for ax, panel in zip(axes, panels, strict=True):
        _panel(ax, evidence, grid, panel, means, limits)
        ax.set_yticks(
            range(len(rows)), [plot(row, LEVEL_CHARACTERS) for row in rows] if ax is axes[0] else []
        )
        ax.set_xticks(range(len(columns)), [plot(column, LEVEL_CHARACTERS) for column in columns])
        ax.set_xlabel(plot(grid.factors[-1], FACTOR_CHARACTERS))
        ax.set_title(plot(TIMES.join(panel), FACTOR_CHARACTERS), fontsize=8)
    axes[0].set_ylabel(plot(grid.factors[-2], FACTOR_CHARACTERS))
    return figure


def _panel(
    ax: Any,
    evidence: Evidence,
    grid: Grid,
    panel: tuple[str, ...],
    means: dict[tuple[str, ...], float | None],
    limits: tuple[float, float],
) -> None:
    rows, columns = grid.levels[-2:]
    floor = base_level(evidence)
    shown = np.full((len(rows), len(columns)), np.nan)
    for i, j in np.ndindex(*shown.shape):
        place = (*panel, rows[i], columns[j])
        arm, mean = grid.at(place), means.get(place)
        if arm is None or mean is None:
            ax.text(j, i, "–", ha="center", va="center", color=MUTED, fontsize=7)
            continue
        shown[i, j] = 100 * mean
        light = 100 * mean < (limits[0] + limits[1]) / 2
        fell, runs = collapsed(evidence, arm, floor)
        text = points(mean) + (f"\n{fell}/{runs} collapsed" if fell else "")
        ax.text(j, i, text, ha="center", va="center", color="white" if light else "black", fontsize=6.5)
    ax.imshow(shown, cmap=COLOURS, vmin=limits[0], vmax=limits[1], aspect="auto")
    ax.grid(visible=False)
    ax.tick_params(length=0)


def _mean(evidence: Evidence, arm: Arm) -> float | None:
    scores = evidence.of_arm(evidence.primary, arm)
    return float(np.mean(list(scores.values()))) if scores else None
