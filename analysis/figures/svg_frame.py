"""Where the axes of a chart's panel lie, and how they are drawn as SVG."""

from __future__ import annotations

from analysis.figures.model import Axis, Panel, number, ticks
from analysis.text.escape import page as in_page

WIDTH, HEIGHT = 360, 230
SMALL_WIDTH, SMALL_HEIGHT = 210, 165
"""Of a panel that is one of many."""
LEFT, RIGHT, TOP, BOTTOM = 50, 10, 20, 38
NAMED_LEFT, NAMED_RIGHT, ROW = 158, 44, 17
"""Room for the names of rows and for notes on them, and the height of one."""
TILED_LEFT, TILE = 78, 42
"""The same of rows of tiles."""
CHARACTERS, CHARACTER = 26, 5.6
"""The longest name of a tick beside an axis, and how wide a character is under one."""


class Frame:
    """Where the axes of a panel lie, in the units of its picture."""

    def __init__(self, panel: Panel):
        self.panel = panel
        self.width, self.height = (SMALL_WIDTH, SMALL_HEIGHT) if panel.small else (WIDTH, HEIGHT)
        self.left, right = LEFT, RIGHT
        if panel.tiles:
            self.left, self.height = TILED_LEFT, TILE * len(panel.y.names) + TOP + BOTTOM
        elif panel.y.names:
            self.left, right = NAMED_LEFT, NAMED_RIGHT
            self.height = ROW * len(panel.y.names) + TOP + BOTTOM
        self.right = self.width - right
        self.bottom = self.height - BOTTOM

    def x(self, value: float) -> float:
        """Where a value of x lies."""
        return self.left + (self.right - self.left) * self.panel.x.place(value)

    def y(self, value: float) -> float:
        """Where a value of y lies."""
        return self.bottom - (self.bottom - TOP) * self.panel.y.place(value)

    def inside(self, value: float) -> tuple[float, str]:
        """Where a value of x is drawn, and the arrow that points to it where it lies off the axis."""
        low, high = self.panel.x.low, self.panel.x.high
        return self.x(min(max(value, low), high)), "<" if value < low else ">" if value > high else ""


def axes(frame: Frame) -> str:
    """Grid, ticks, both axes and their labels."""
    panel, parts = frame.panel, []
    for value in ticks(panel.x):
        x = frame.x(value)
        parts.append(f'<path class="grid" d="M{x:.1f},{TOP}V{frame.bottom}"/>')
        parts.append(
            f'<text x="{x:.1f}" y="{frame.bottom + 13}" text-anchor="middle">{_tick(panel.x, value, _room(frame, value))}</text>'
        )
    for value in ticks(panel.y):
        y = frame.y(value)
        parts.append(f'<path class="grid" d="M{frame.left},{y:.1f}H{frame.right}"/>')
        text = _tick(panel.y, value, 13 if panel.tiles else CHARACTERS)
        parts.append(f'<text x="{frame.left - 5}" y="{y + 3.5:.1f}" text-anchor="end">{text}</text>')
    middle = (frame.left + frame.right) / 2
    parts.append(f'<path class="axis" d="M{frame.left},{TOP}V{frame.bottom}H{frame.right}"/>')
    parts.append(
        f'<text x="{middle}" y="{frame.height - 8}" text-anchor="middle">{in_page(panel.x.label)}</text>'
    )
    start = 4 if panel.y.names or panel.small else frame.left
    heading = " · ".join(part for part in (panel.y.label, panel.title) if part and not panel.small)
    heading = heading or cut(panel.title, int((frame.width - start) / CHARACTER))
    parts.append(f'<text class="title" x="{start}" y="11">{in_page(heading)}</text>')
    return "".join(parts)


def _room(frame: Frame, value: float) -> int:
    """Characters of a name below the x axis that touch neither its neighbours nor the picture's edge."""
    names, x = frame.panel.x.names, frame.x(value)
    between = int((frame.x(value + 1) - x) / CHARACTER) - 1
    beside = [len(names[i]) for i in (int(value) - 1, int(value) + 1) if 0 <= i < len(names)]
    room = max(between, 2 * between - max(beside)) if beside else between
    return min(room, int(2 * min(x, frame.width - x) / CHARACTER))


def _tick(axis: Axis, value: float, characters: int) -> str:
    return in_page(cut(axis.names[int(value)], characters) if axis.names else number(value))


def cut(name: str, characters: int) -> str:
    """A name that fits, its end left out where it is too long."""
    return name if len(name) <= characters else name[: max(1, characters - 1)] + "…"
