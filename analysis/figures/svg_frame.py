"""Positions of the axes of a chart's panel, and their drawing as SVG."""

from __future__ import annotations

import textwrap

from analysis.figures.model import FULL, QUARTER, SMALL, Axis, Panel, number, ticks
from analysis.text.escape import page as in_page

SIZES = {FULL: (360, 250), QUARTER: (270, 220), SMALL: (210, 190)}
"""Width and height of a panel."""
LEFT, RIGHT, TOP, BOTTOM = 48, 12, 36, 40
"""Room around the axes; two lines of text fit above them."""
TILED_LEFT, TILE = 88, 44
"""Room for the names of rows of tiles, and the height of one."""
MOST_LINES = 2
CHARACTER, LINE = 6.3, 14
"""Approximate width of a character, and the distance between lines."""


class Frame:
    """Positions of the axes of a panel, in the units of its picture."""

    def __init__(self, panel: Panel):
        self.panel = panel
        self.width, self.height = SIZES[panel.size]
        self.left, self.right = LEFT, self.width - RIGHT
        if panel.tiles:
            self.left, self.height = TILED_LEFT, TILE * len(panel.y.names) + TOP + BOTTOM
        self.bottom = self.height - BOTTOM

    def x(self, value: float) -> float:
        """Return the position of a value of x."""
        return self.left + (self.right - self.left) * self.panel.x.place(value)

    def y(self, value: float) -> float:
        """Return the position of a value of y."""
        return self.bottom - (self.bottom - TOP) * self.panel.y.place(value)


def axes(frame: Frame) -> str:
    """Return grid, ticks, both axes and their labels."""
    panel, parts = frame.panel, []
    for value in ticks(panel.x):
        x = frame.x(value)
        parts.append(f'<path class="grid" d="M{x:.1f},{TOP}V{frame.bottom}"/>')
        parts.append(
            f'<text x="{x:.1f}" y="{frame.bottom + 15}" text-anchor="middle">{_tick(panel.x, value, _room(frame, value))}</text>'
        )
    for value in ticks(panel.y):
        y = frame.y(value)
        parts.append(f'<path class="grid" d="M{frame.left},{y:.1f}H{frame.right}"/>')
        text = _tick(panel.y, value, int((frame.left - 8) / CHARACTER))
        parts.append(f'<text x="{frame.left - 5}" y="{y + 4:.1f}" text-anchor="end">{text}</text>')
    middle = (frame.left + frame.right) / 2
    parts.append(f'<path class="axis" d="M{frame.left},{TOP}V{frame.bottom}H{frame.right}"/>')
    parts.append(
        f'<text x="{middle}" y="{frame.height - 8}" text-anchor="middle">{in_page(panel.x.label)}</text>'
    )
    for i, (text, kind) in enumerate(_head(frame)):
        parts.append(f'<text class="{kind}" x="4" y="{TOP - 9 - LINE * i}">{in_page(text)}</text>')
    return "".join(parts)


def _head(frame: Frame) -> list[tuple[str, str]]:
    """Return lines above the axes from the bottom up: the label of y and, over it, the panel's title; either
    alone may take both.
    """
    panel, most = frame.panel, int((frame.width - 6) / CHARACTER)
    if panel.y.label and panel.size != SMALL:
        return [
            (cut(panel.y.label, most), "label"),
            *([(cut(panel.title, most), "title")] if panel.title else []),
        ]
    lines = [line for part in panel.title.split("\n") for line in textwrap.wrap(part, most)]
    if len(lines) > MOST_LINES:
        lines = [*lines[: MOST_LINES - 1], cut(" ".join(lines[MOST_LINES - 1 :]), most)]
    return [(text, "title") for text in reversed(lines)]


def _room(frame: Frame, value: float) -> int:
    """Return how many characters of a name below the x axis touch neither its neighbors nor the picture's
    edge.
    """
    names, x = frame.panel.x.names, frame.x(value)
    between = int((frame.x(value + 1) - x) / CHARACTER) - 1
    beside = [len(names[i]) for i in (int(value) - 1, int(value) + 1) if 0 <= i < len(names)]
    room = max(between, 2 * between - max(beside)) if beside else between
    return min(room, int(2 * min(x, frame.width - x) / CHARACTER))


def _tick(axis: Axis, value: float, characters: int) -> str:
    return in_page(cut(axis.names[int(value)], characters) if axis.names else number(value))


def cut(name: str, characters: int) -> str:
    """Return a name that fits, cut at its end if it is too long."""
    return name if len(name) <= characters else name[: max(1, characters - 1)] + "…"
