"""A forest plot as SVG, twice: for a wide page, and for a narrow one, on which a row's words are above its
interval. The style sheet shows one of them.
"""

from __future__ import annotations

from dataclasses import dataclass

from analysis.figures.model import ForestPlot, ForestRow, number, ticks
from analysis.figures.svg_frame import cut
from analysis.figures.svg_marks import asked, shape, stroke
from analysis.text.escape import page as in_page

WIDE, NARROW = 1140, 368
CHARACTER, SMALL_CHARACTER = 7.2, 6.2
"""Approximate widths of characters in the wide plot and in the narrow one."""
ROW, TALL_ROW = 22, 38
HEAD, FOOT = 20, 36
GAP = 14
EDGE = 6


@dataclass(frozen=True)
class _Place:
    """The position of the axis, and the distance between rows."""

    forest: ForestPlot
    width: int
    left: float
    right: float
    row: int

    @property
    def bottom(self) -> int:
        return HEAD + self.row * len(self.forest.rows)

    def x(self, value: float) -> float:
        low, high = self.forest.axis.low, self.forest.axis.high
        return self.left + (self.right - self.left) * self.forest.axis.place(min(max(value, low), high))


def forest_svg(forest: ForestPlot) -> str:
    """Return both plots."""
    return _wide(forest) + _narrow(forest)


def _wide(forest: ForestPlot) -> str:
    label = max(len(row.label) for row in forest.rows) * CHARACTER + GAP
    against = max(len(row.against) for row in forest.rows) * CHARACTER + GAP
    left = label + (against if any(row.against for row in forest.rows) else 0)
    words = max(len(forest.head), *(len(row.words) for row in forest.rows)) * CHARACTER + 2 * GAP
    place = _Place(forest, WIDE, left, WIDE - words, ROW)
    parts = []
    for i, row in enumerate(forest.rows):
        y = HEAD + ROW * (i + 0.5)
        texts = (
            f'<text class="name" x="0" y="{y + 5:.1f}">{in_page(row.label)}</text>'
            f'<text x="{label:.1f}" y="{y + 5:.1f}">{in_page(row.against)}</text>'
            f'<text class="name" x="{place.right + GAP:.1f}" y="{y + 5:.1f}">{in_page(row.words)}</text>'
        )
        parts.append(_row(place, row, y, texts))
    head = f'<text x="{place.right + GAP:.1f}" y="13">{in_page(forest.head)}</text>'
    return _picture(place, "wide", head + "".join(parts), CHARACTER)


def _narrow(forest: ForestPlot) -> str:
    place = _Place(forest, NARROW, 2 * EDGE, NARROW - 2 * EDGE, TALL_ROW)
    parts = []
    for i, row in enumerate(forest.rows):
        top = HEAD + TALL_ROW * i + 13
        room = int(NARROW / SMALL_CHARACTER) - len(row.words) - 2
        who = cut(f"{row.label} {row.against}".strip(), room)
        texts = (
            f'<text class="name" x="0" y="{top}">{in_page(who)}</text>'
            f'<text x="{NARROW}" y="{top}" text-anchor="end">{in_page(row.words)}</text>'
        )
        parts.append(_row(place, row, top + 13, texts))
    return _picture(place, "narrow", "".join(parts), SMALL_CHARACTER)


def _row(place: _Place, row: ForestRow, y: float, texts: str) -> str:
    axis, look = place.forest.axis, row.look
    x, beyond = place.x(row.x), "<" if row.x < axis.low else ">" if row.x > axis.high else ""
    shown = shape(look, x, y, 4.2, beyond or look.marker)
    if beyond:
        side, anchor = (9, "start") if beyond == "<" else (-9, "end")
        shown += f'<text class="name" x="{x + side:.1f}" y="{y + 4.5:.1f}" text-anchor="{anchor}">{in_page(row.beyond)}</text>'
    elif row.low is not None and row.high is not None:
        ends = place.x(row.low), place.x(row.high)
        line = f'<path d="M{ends[0]:.1f},{y:.1f}H{ends[1]:.1f}" {stroke(look, 1.8, dashed=False)}/>'
        arrows = ("<" if row.low < axis.low else "", ">" if row.high > axis.high else "")
        shown = (
            line
            + "".join(shape(look, end, y, 3, a) for end, a in zip(ends, arrows, strict=True) if a)
            + shown
        )
    elif len(row.runs) > 1:
        shown = "".join(shape(look, place.x(run), y, 2, "o") for run in row.runs) + shown
    return texts + asked(f"{x:.1f} {y:.1f}", row.says, shown)


def _picture(place: _Place, kind: str, content: str, character: float) -> str:
    forest, bottom = place.forest, place.bottom
    height = bottom + FOOT
    about = f"{forest.axis.label}: {', '.join(row.says for row in forest.rows)}"
    return (
        f'<svg class="panel forest {kind}" viewBox="0 0 {place.width} {height}" role="img" tabindex="0" '
        f'aria-label="{in_page(about)}">{_ground(place, character)}{content}'
        f'<text x="{(place.left + place.right) / 2:.1f}" y="{bottom + 31}" text-anchor="middle">{in_page(forest.axis.label)}</text>'
        '<path class="cursor" d=""/></svg>'
    )


def _ground(place: _Place, character: float) -> str:
    """Return the band with its name, grid and ticks, zero and the axis."""
    forest, bottom, parts = place.forest, place.bottom, []
    if forest.matters is not None:
        low, high = place.x(-forest.matters), place.x(forest.matters)
        parts.append(f'<path class="matters" d="M{low:.1f},{HEAD}H{high:.1f}V{bottom}H{low:.1f}Z"/>')
        half = len(forest.band) * character / 2
        middle = min(max(place.x(0), place.left + half), place.right - half)
        parts.append(f'<text x="{middle:.1f}" y="13" text-anchor="middle">{in_page(forest.band)}</text>')
    for value in ticks(forest.axis, 6):
        x = place.x(value)
        kind = "axis" if value == 0 else "grid"
        parts.append(f'<path class="{kind}" d="M{x:.1f},{HEAD}V{bottom}"/>')
        parts.append(f'<text x="{x:.1f}" y="{bottom + 15}" text-anchor="middle">{number(value)}</text>')
    parts.append(f'<path class="axis" d="M{place.left:.1f},{bottom}H{place.right:.1f}"/>')
    return "".join(parts)
