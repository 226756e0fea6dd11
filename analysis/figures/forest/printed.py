"""The forest of differences for the paper: in one column if its words leave room, else over both."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure as Printed
from matplotlib.ticker import MaxNLocator

from analysis.evidence.evidence import Evidence
from analysis.figures.forest.rows import DifferenceRow, Forest
from analysis.figures.labels import LONGEST, widest, width
from analysis.figures.style import COLUMN, FAINT, MUTED, SMALLEST, STEPS, TEXT, ArmStyle, looks
from analysis.text.escape import plot

SIZE = 7.5
ROW, ABOVE, BELOW = 0.165, 0.2, 0.4
"""Inches of a row, of the line above the rows, and below them."""
NARROWEST = 1.25
"""Inches of the axis; if a column leaves less, the figure takes both."""
GAP = 0.1


def draw(evidence: Evidence, found: Forest) -> Printed:
    """Draw one row per arm: its label, its interval, and the finding in words."""
    n, style = len(found.rows), looks(evidence.study)
    labels = [plot(row.arm.label, LONGEST) for row in found.rows]
    against = [f"vs {plot(row.reference.label, LONGEST)}" if found.several else "" for row in found.rows]
    left = widest(labels, SIZE) + GAP + (widest(against) + GAP if found.several else 0.0)
    right = widest([row.words for row in found.rows]) + 2 * GAP
    inches = COLUMN if COLUMN - left - right >= NARROWEST else TEXT
    height = ROW * n + ABOVE + BELOW
    figure = Printed(figsize=(inches, height))
    ax = figure.add_axes(
        (
            (left + 0.03) / inches,
            BELOW / height,
            1 - (left + 0.03 + right) / inches,
            1 - (ABOVE + BELOW) / height,
        )
    )
    ax.set(xlim=found.limits, ylim=(n - 0.4, -0.6))
    for y, row in enumerate(found.rows):
        _row(ax, y, row, found, style[row.arm.name])
        across = ax.get_yaxis_transform()
        wide = inches - left - 0.03 - right
        ax.text(-(left - GAP / 2) / wide, y, labels[y], transform=across, va="center", fontsize=SIZE)
        ax.text(-GAP / wide, y, against[y], transform=across, va="center", ha="right", fontsize=SMALLEST, color=MUTED)  # fmt: skip
        ax.text(1 + GAP / wide, y, row.words, transform=across, va="center", fontsize=SMALLEST)
    _band(ax, found)
    ax.axvline(0, color=MUTED, linewidth=0.7, zorder=0)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.xaxis.set_major_locator(MaxNLocator(4 if inches == COLUMN else 7, steps=STEPS))
    _axis_label(ax, found.label)
    return figure


def _row(ax: Any, y: int, row: DifferenceRow, found: Forest, look: ArmStyle) -> None:
    low, high = found.limits
    if not low <= row.difference <= high:
        left = row.difference < low
        ax.plot([low if left else high], [y], "<" if left else ">", color=look.color, markersize=4.5, clip_on=False)  # fmt: skip
        ax.annotate(
            f"{row.difference:+.1f}".replace("-", "−"), (low if left else high, y), (6 if left else -6, 0),
            textcoords="offset points", va="center", ha="left" if left else "right", fontsize=SMALLEST,
        )  # fmt: skip
        return
    if row.low is not None and row.high is not None:
        ax.plot([max(row.low, low), min(row.high, high)], [y, y], "-", color=look.color, linewidth=1.3)
        for beyond, edge, arrow in ((row.low < low, low, "<"), (row.high > high, high, ">")):
            if beyond:
                ax.plot([edge], [y], arrow, color=look.color, markersize=3, clip_on=False)
    if len(row.runs) > 1:
        ax.plot(row.runs, [y] * len(row.runs), "o", color=look.color, markersize=2, alpha=0.6)
    ax.plot([row.difference], [y], look.marker, color=look.color, markersize=4)


def _band(ax: Any, found: Forest) -> None:
    """Draw the smallest effect of interest, named once above the rows, inside the axis."""
    if found.matters is None:
        return
    ax.axvspan(-found.matters, found.matters, color=FAINT, alpha=0.4, linewidth=0, zorder=-1)
    box = ax.get_position()
    wide = box.width * ax.figure.get_figwidth()
    half = width(found.band) / 2 / wide
    zero = -found.limits[0] / (found.limits[1] - found.limits[0])
    at = min(max(zero, half), 1 - half) if half < 0.5 else 0.5
    ax.text(at, 1.0, found.band, transform=ax.transAxes, va="bottom", ha="center", fontsize=SMALLEST, color=MUTED)  # fmt: skip


def _axis_label(ax: Any, label: str) -> None:
    """Center the label below the axis, moved inward if it would leave the figure."""
    box, inches = ax.get_position(), ax.figure.get_figwidth()
    half = width(label, SIZE) / 2 / inches
    middle = (box.x0 + box.x1) / 2
    middle = min(max(middle, half + 0.01), 1 - half - 0.01)
    ax.set_xlabel(label, fontsize=SIZE)
    ax.xaxis.set_label_coords((middle - box.x0) / box.width, -0.25 / (box.height * ax.figure.get_figheight()))
