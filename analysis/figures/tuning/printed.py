"""Shared parts of the figures of a tuning in print: axes of one panel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

from analysis.figures.model import Axis, number, ticks
from analysis.figures.style import STEPS, ArmStyle

BAND = {"alpha": 0.13, "linewidth": 0}
BELOW = 0.36
"""Inches for the axis below the panels."""


def band(ax: Any, x: Sequence[float], low: Any, high: Any, look: ArmStyle) -> None:
    """Draw an interval behind all lines; `low` and `high` are in percent."""
    ax.fill_between(x, low, high, color=look.color, zorder=1, **BAND)


def upright(ax: Any, ends: tuple[float, float]) -> None:
    """Set the axis of scores in percent."""
    ax.set_ylim(*ends)
    ax.yaxis.set_major_locator(MaxNLocator(4, steps=STEPS))


def along(ax: Any, axis: Axis) -> None:
    """Set the axis of an option's values."""
    ax.set_xlim(axis.low, axis.high)
    if axis.scale != "log":
        ax.xaxis.set_major_locator(MaxNLocator(4, steps=STEPS))
        return
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(FixedLocator(ticks(axis)))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(lambda value, _: number(value))
