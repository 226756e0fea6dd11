"""The contents of the charts of index.html, independent of drawing: the same numbers as in the paper's
figures.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from analysis.figures.style import ArmStyle
from analysis.text.rounding import rounded

LINEAR, LOG, SYMLOG = "linear", "log", "symlog"
FULL, QUARTER, SMALL = "full", "quarter", "small"
"""Sizes of panels: three, four or five fit side by side."""
LINEAR_BELOW = 0.01
"""The end of the linear part of a symmetric log axis, in percent."""
LINEAR_SHARE = 0.4
"""Decades that its linear part takes."""


@dataclass(frozen=True)
class Series:
    """One drawn arm, or one rule of a replay. `number` is its place in the legend."""

    number: int
    label: str
    look: ArmStyle


@dataclass(frozen=True, kw_only=True)
class Line:
    """A mean over runs, with the ends of its interval and the runs behind it; nan if there is no value."""

    series: Series
    x: Sequence[float]
    mean: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    banded: bool = True
    """Whether the interval is drawn; the table has it in any case."""
    runs: Sequence[Sequence[float]] = ()
    marked: bool = True
    """Whether some of its points have the marker of its series."""


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A point with its tooltip."""

    series: Series
    x: float
    y: float
    says: str
    size: float = 4.0
    half: float | None = None
    """Half the width of an interval along y."""


@dataclass(frozen=True, kw_only=True)
class Slope:
    """A line through a few points with one tooltip along its length: a seed, or the mean of seeds."""

    series: Series
    look: ArmStyle
    x: Sequence[float]
    y: Sequence[float]
    says: str
    width: float = 1.0
    marked: bool = False


@dataclass(frozen=True, kw_only=True)
class Tile:
    """A field at whole numbers of both axes: its texts, the first of them the value, and the position of the
    value from 0 to 1 on the chart's color scale; None if there is no value.
    """

    x: int
    y: int
    texts: Sequence[str]
    share: float | None
    says: str


@dataclass(frozen=True, kw_only=True)
class Axis:
    """A direction: its label, scale, ends, and names of whole numbers on it, if it has any."""

    label: str
    low: float
    high: float
    scale: str = LINEAR
    names: Sequence[str] = ()

    def place(self, value: float) -> float:
        """Return a position from 0 at the low end to 1 at the high end."""
        low, high, at = (warped(v, self.scale) for v in (self.low, self.high, value))
        return (at - low) / (high - low) if high > low else 0.5


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One set of axes. `table` is the index of the chart's table with the values of its lines."""

    title: str
    x: Axis
    y: Axis
    lines: Sequence[Line] = ()
    marks: Sequence[Mark] = ()
    slopes: Sequence[Slope] = ()
    tiles: Sequence[Tile] = ()
    levels: Sequence[float] = ()
    """Values of y with a dashed line."""
    table: int = 0
    size: str = FULL
    """How many fit side by side on a wide page."""
    switch: Series | None = None
    """The series that switches the panel on and off, if it belongs to one."""


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """A chart's numbers as a table: its title, heads with the series that each column belongs to, and rows of
    text.
    """

    title: str
    heads: Sequence[tuple[str, int | None]]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, kw_only=True)
class ForestRow:
    """A labeled row of a forest plot: a point with its interval, or with the runs behind it, and words at its
    right.
    """

    label: str
    against: str
    """The reference, if rows have different ones."""
    look: ArmStyle
    x: float
    low: float | None
    high: float | None
    runs: Sequence[float]
    beyond: str
    """The number beside the arrow if x is off the axis."""
    words: str
    says: str


@dataclass(frozen=True, kw_only=True)
class ForestPlot:
    """A forest plot: rows from the top down on one axis, zero marked, with a band of differences that are too
    small to matter.
    """

    rows: Sequence[ForestRow]
    axis: Axis
    matters: float | None
    """Half the width of the band around zero."""
    band: str
    """The name of the band."""
    head: str
    """The head above the words."""


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A figure of the page."""

    name: str
    series: Sequence[Series]
    panels: Sequence[Panel]
    tables: Sequence[Numbers]
    note: str = ""
    rows: ForestPlot | None = None
    """A forest plot instead of panels."""


def warped(value: float, scale: str) -> float:
    """Return a value on the axis of its scale, without a unit."""
    if scale == LOG:
        return math.log10(value) if value > 0 else math.nan
    if scale == SYMLOG:
        size = abs(value) / LINEAR_BELOW
        bent = LINEAR_SHARE * size if size <= 1 else LINEAR_SHARE + math.log10(size)
        return math.copysign(bent, value)
    return value


def ticks(axis: Axis, about: int = 5) -> list[float]:
    """Return round values on an axis, low to high."""
    if axis.names:
        return [float(i) for i in range(len(axis.names))]
    if axis.scale == SYMLOG:
        return [t for t in (0.0, 0.01, 0.1, 1.0, 10.0, 100.0) if axis.low <= t <= axis.high]
    if axis.scale == LOG:
        first, last = math.floor(math.log10(axis.low)), math.ceil(math.log10(axis.high))
        decades = [10.0**k for k in range(first, last + 1) if axis.low <= 10.0**k <= axis.high]
        steps = [round(m * 10.0**k, 12) for k in range(first, last + 1) for m in (1, 2, 5)]
        return decades if len(decades) > 2 else [t for t in steps if axis.low <= t <= axis.high]
    step = 10.0 ** math.floor(math.log10((axis.high - axis.low) / about))
    step *= next((m for m in (1, 2, 5, 10) if (axis.high - axis.low) / (m * step) <= about), 10)
    first = math.ceil(axis.low / step - 1e-9)
    return [round(k * step, 10) for k in range(first, math.floor(axis.high / step + 1e-9) + 1)]


def number(value: float, digits: int = 3) -> str:
    """Format a value with few significant digits and a true minus; – if it is not finite."""
    if not math.isfinite(value):
        return "–"
    if 1e-3 <= abs(value) < 1e4 or value == 0:
        return rounded(value, f".{digits}g").replace("-", "−")
    mantissa, _, exponent = f"{value:.1e}".partition("e")
    return f"{mantissa.removesuffix('.0')}e{int(exponent)}".replace("-", "−")
