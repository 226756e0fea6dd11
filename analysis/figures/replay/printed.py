"""Shared parts of the figures of a replay in print: one panel, its legend, and how runs, marks and targets
are drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Printed
from matplotlib.transforms import ScaledTranslation

from analysis.evidence.replay import Replay
from analysis.figures.labels import LONGEST, widest
from analysis.figures.style import MUTED, SMALLEST, TEXT, ArmStyle, percent_ticks, run_lines
from analysis.text.escape import plot

HEIGHT, HEIGHT_OF_ENTRY = 2.4, 0.16
"""Inches; the legend beside the panel must fit."""
BESIDE = 0.85
"""Inches that a legend takes besides its text: names of targets, lines and blanks."""
MARK: dict[str, Any] = {"markeredgecolor": "white", "markeredgewidth": 0.6, "linestyle": "none"}


def panel(replay: Replay, others: Sequence[str] = ()) -> tuple[Printed, Any]:
    """Return one panel with a legend at its right: one entry per curve, and the `others`."""
    labels = [*(plot(curve.label, LONGEST) for curve in replay.curves), *others]
    height = max(HEIGHT, HEIGHT_OF_ENTRY * len(labels) + 0.1)
    figure = Printed(figsize=(TEXT, height))
    beside = (BESIDE + widest(labels)) / TEXT
    return figure, figure.add_axes((0.075, 0.42 / height, 0.925 - beside, 1 - 0.53 / height))


def mean_of_runs(ax: Any, table: pd.DataFrame, look: ArmStyle, label: str, *, marked: bool) -> None:
    """Draw runs as thin lines and their mean as a thick one, with a marker at every point or only in the
    legend.
    """
    x = table.index.to_numpy()
    run_lines(ax, x, table.to_numpy(), look)
    marker = {"marker": look.marker, "markersize": 4} if marked else legend_marker(look)
    mean = table.mean(axis=1).to_numpy()
    ax.plot(
        x,
        mean,
        color=look.color,
        linestyle=look.dash,
        label=plot(label, LONGEST),
        zorder=_above(ax),
        **marker,
    )


def _above(ax: Any) -> float:
    """Return a z-order that keeps what is drawn first on top: a control, the last rule, must not hide the
    rule that it controls for, nor a large mark a small one.
    """
    return 3 - 0.001 * len(ax.lines)


def legend_marker(look: ArmStyle) -> dict[str, Any]:
    """Return the arguments of a marker that only the legend shows."""
    return {"marker": look.marker, "markersize": 4, "markevery": []}


def mark(ax: Any, x: Any, y: Any, look: ArmStyle, size: float) -> None:
    """Draw a marker at a matched bound."""
    ax.plot(x, y, look.marker, color=look.color, markersize=size, zorder=1 + _above(ax), **MARK)


def clip_axis(ax: Any, targets: Sequence[float]) -> None:
    """Set percent on a symmetric log axis, with a dashed line at every target."""
    highest = max(float(np.nanmax(line.get_ydata(), initial=0)) for line in ax.lines)
    ax.set_yscale("symlog", linthresh=0.01, linscale=0.4)
    percent_ticks(ax.yaxis, [highest])
    ax.set_ylabel("clipped share of active tokens %")
    for target in targets:
        ax.axhline(100 * target, color=MUTED, linewidth=0.7, linestyle=(0, (2, 2)), zorder=0)
        ax.annotate(
            f"{100 * target:g} %", (1, 100 * target), (3, 0), xycoords=ax.get_yaxis_transform(),
            textcoords="offset points", va="center", fontsize=SMALLEST, color=MUTED,
        )  # fmt: skip


def handles(ax: Any) -> list[Any]:
    """Return the entries of a legend so far."""
    return list(ax.get_legend_handles_labels()[0])


def legend(ax: Any, entries: list[Any]) -> None:
    """Draw the legend at the right, past the names of targets."""
    ax.legend(
        handles=entries,
        loc="center left",
        bbox_to_anchor=(1.0, 0.5),
        bbox_transform=ax.transAxes + ScaledTranslation(0.3, 0, ax.figure.dpi_scale_trans),
        borderaxespad=0,
        borderpad=0,
        labelspacing=0.4,
        handlelength=3,
    )
