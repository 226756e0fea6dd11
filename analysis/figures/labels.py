"""Text in print: its width, labels at the ends of lines, and one legend for all panels."""

from __future__ import annotations

import functools
import math
import textwrap
from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.textpath import TextPath

from analysis.figures.style import RC, SMALLEST, ArmStyle
from analysis.text.escape import plot

LONGEST = 60
"""The most characters drawn of a label."""
LINE = 0.125
"""Inches between two lines of the smallest text."""
HANDLE = 0.42
"""Inches of a line and its marker in a legend, with the blank beside them."""
LEADER, AFTER_MARKER = 0.13, 0.07
"""Inches from an axis to the marker of a label at its right, and from the marker to the text."""
Entry = tuple[str, ArmStyle]


@functools.lru_cache(maxsize=4096)
def width(text: str, size: float = SMALLEST) -> float:
    """Return the width in inches of a line of text in print."""
    if not text.strip():
        return 0.0
    path = TextPath((0, 0), text, size=size, prop=FontProperties(family=RC["font.family"]))
    return float(path.get_extents().width) / 72


def widest(texts: Sequence[str], size: float = SMALLEST) -> float:
    """Return the width in inches of the widest of some texts."""
    return max((width(text, size) for text in texts), default=0.0)


def wrapped(text: str, inches: float, size: float = SMALLEST) -> str:
    """Return a label as Matplotlib draws it, wrapped to a width."""
    whole = plot(text, LONGEST).replace(" %", "\N{NO-BREAK SPACE}%")
    for characters in range(len(whole), 7, -1):
        lines = textwrap.wrap(whole, characters)
        if widest(lines, size) <= inches:
            return "\n".join(lines)
    return "\n".join(textwrap.wrap(whole, 8))


def spread(places: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Move places as little as possible (least squares) so that neighbors are `gap` apart, between `low` and
    `high`.
    """
    order = sorted(range(len(places)), key=lambda i: places[i])
    blocks: list[tuple[float, int]] = []  # mean and size: isotonic regression of the places less their gaps
    for rank, i in enumerate(order):
        mean, size = places[i] - rank * gap, 1
        while blocks and blocks[-1][0] > mean:
            other, more = blocks.pop()
            mean, size = (mean * size + other * more) / (size + more), size + more
        blocks.append((mean, size))
    top = max(low, high - (len(places) - 1) * gap)
    free = [min(max(mean, low), top) for mean, size in blocks for _ in range(size)]
    found = [0.0] * len(places)
    for rank, i in enumerate(order):
        found[i] = free[rank] + rank * gap
    return found


def room_at_ends(labels: Sequence[str]) -> float:
    """Return the inches that labels at the ends of lines take at the right of an axis."""
    return LEADER + AFTER_MARKER + widest([plot(label, LONGEST) for label in labels]) + 0.06


def end_labels(ax: Any, ends: Sequence[tuple[float, float, str, ArmStyle]]) -> None:
    """Draw a label at the right of an axis for the end of every line: its last x and y, its label and style.
    Axes must be final.
    """
    figure, box = ax.figure, ax.get_position()
    wide, high = box.width * figure.get_figwidth(), box.height * figure.get_figheight()
    ax.autoscale_view()  # else limits are computed when the figure is drawn, too late for places
    to_axes = ax.transData + ax.transAxes.inverted()
    at = [to_axes.transform((x, y)) for x, y, _, _ in ends]
    inside = [(min(x, 1.0), min(max(y, 0.0), 1.0)) for x, y in at]
    half = LINE / 2 / high
    places = spread([y for _, y in inside], LINE / high, -half, 1 + half)
    marker_x, text_x = 1 + LEADER / wide, 1 + (LEADER + AFTER_MARKER) / wide
    for (x, y), place, (_, _, label, look) in zip(inside, places, ends, strict=True):
        how = {"transform": ax.transAxes, "clip_on": False, "color": look.color}
        ax.plot([x, 1 + 0.03 / wide, marker_x], [y, y, place], linewidth=0.5, alpha=0.7, zorder=1.5, **how)
        ax.plot([marker_x], [place], marker=look.marker, linestyle="none", markersize=3.5, zorder=4, **how)
        ax.text(
            text_x, place, plot(label, LONGEST), transform=ax.transAxes, va="center_baseline", fontsize=SMALLEST
        )  # fmt: skip


def legend_height(entries: Sequence[Entry], inches: float) -> float:
    """Return the inches that a shared legend takes below the panels."""
    return LINE * math.ceil(len(entries) / _columns(entries, inches)) + 0.08 if entries else 0.0


def shared_legend(figure: Figure, entries: Sequence[Entry]) -> None:
    """Draw one legend for all panels, at the foot of the figure."""
    if not entries:
        return
    handles = [
        Line2D(
            [], [], color=look.color, linestyle=look.dash, marker=look.marker, markersize=3.5,
            label=plot(label, LONGEST),
        )
        for label, look in entries
    ]  # fmt: skip
    columns = _columns(entries, figure.get_figwidth())
    figure.legend(
        handles=handles, loc="lower center", ncols=columns, borderaxespad=0.2, borderpad=0.1, labelspacing=0.25,
        columnspacing=1.2, handlelength=2.6, handletextpad=0.5, fontsize=SMALLEST,
    )  # fmt: skip


def _columns(entries: Sequence[Entry], inches: float) -> int:
    """Return as many columns as fit side by side, with evenly filled rows."""
    each = HANDLE + 0.12 + widest([plot(label, LONGEST) for label, _ in entries])
    most = max(1, min(len(entries), int((inches - 0.1) / each)))
    return math.ceil(len(entries) / math.ceil(len(entries) / most))
