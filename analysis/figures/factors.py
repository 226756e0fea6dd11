"""Figures of factorial studies: a factor's levels over all others, and the scores of two factors' crossings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from analysis.evidence.evidence import Evidence
from analysis.evidence.factors import TIMES
from analysis.figures.factor_numbers import Crossing, Crossings, crossings, effects
from analysis.figures.style import FAINT, MUTED, TEXT, TILES
from analysis.text.escape import plot
from analysis.text.numbers import points

LEVEL_CHARACTERS, FACTOR_CHARACTERS = 14, 26


def factor_effects(evidence: Evidence) -> Figure | None:
    """A panel a factor: a thin line a seed, and the mean over seeds with its 95 % t interval, at every level."""
    found = effects(evidence)
    if found is None:
        return None
    figure = Figure(figsize=(TEXT, 1.9))
    axes = figure.subplots(1, len(found), sharey=True, squeeze=False)[0]
    figure.subplots_adjust(left=0.095, right=0.99, top=0.97, bottom=0.24, wspace=0.12)
    for effect, ax in zip(found, axes, strict=True):
        x = np.arange(effect.table.shape[1])
        for _, row in effect.table.iterrows():
            ax.plot(x, row.to_numpy(), color=FAINT, linewidth=0.6, zorder=1)
        mean = [interval.point for interval in effect.intervals]
        half = [interval.half_width or 0.0 for interval in effect.intervals]
        ax.errorbar(x, mean, yerr=half, color="#000000", marker="o", markersize=4, capsize=2.5, zorder=2)
        ax.set_xticks(x, [plot(level, LEVEL_CHARACTERS) for level in effect.table.columns])
        ax.set_xlim(-0.4, len(x) - 0.6)
        ax.set_xlabel(plot(effect.factor, FACTOR_CHARACTERS))
        ax.grid(axis="x", visible=False)
    axes[0].set_ylabel("final average %")
    return figure


def heat_map(evidence: Evidence) -> Figure | None:
    """The last two factors of the grid crossed, a panel a combination of the others: mean score and collapsed runs."""
    found = crossings(evidence)
    if found is None:
        return None
    height = 0.36 * len(found.rows) + 0.85
    figure = Figure(figsize=(TEXT, height))
    axes = figure.subplots(1, len(found.panels), squeeze=False)[0]
    figure.subplots_adjust(left=0.13, right=0.99, top=1 - 0.28 / height, bottom=0.46 / height, wspace=0.08)
    for ax, (panel, at) in zip(axes, found.panels.items(), strict=True):
        _panel(ax, found, at)
        rows = [plot(row, LEVEL_CHARACTERS) for row in found.rows]
        ax.set_yticks(range(len(rows)), rows if ax is axes[0] else [])
        ax.set_xticks(range(len(found.columns)), [plot(column, LEVEL_CHARACTERS) for column in found.columns])
        ax.set_xlabel(plot(found.factors[1], FACTOR_CHARACTERS))
        ax.set_title(plot(TIMES.join(panel), FACTOR_CHARACTERS), fontsize=8)
    axes[0].set_ylabel(plot(found.factors[0], FACTOR_CHARACTERS))
    return figure


def _panel(ax: Any, found: Crossings, at: Mapping[tuple[str, str], Crossing]) -> None:
    shown = np.full((len(found.rows), len(found.columns)), np.nan)
    for i, j in np.ndindex(*shown.shape):
        crossing = at[found.rows[i], found.columns[j]]
        if crossing.mean is None:
            ax.text(j, i, "–", ha="center", va="center", color=MUTED, fontsize=7)
            continue
        shown[i, j] = crossing.mean
        light = crossing.mean < sum(found.limits) / 2
        text = points(crossing.mean / 100)
        if crossing.collapsed:
            text += f"\n{crossing.collapsed}/{crossing.runs} collapsed"
        ax.text(j, i, text, ha="center", va="center", color="white" if light else "black", fontsize=6.5)
    ax.imshow(shown, cmap=TILES, vmin=found.limits[0], vmax=found.limits[1], aspect="auto")
    ax.grid(visible=False)
    ax.tick_params(length=0)
