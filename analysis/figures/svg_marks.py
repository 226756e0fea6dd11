"""The contents of a chart's axes as SVG: lines, points, slopes and tiles."""

from __future__ import annotations

import math
from collections.abc import Sequence

import matplotlib

from analysis.figures.model import Line, Mark, Slope, Tile
from analysis.figures.style import FAINT, MUTED, TILES, ArmStyle
from analysis.figures.svg_frame import Frame
from analysis.text.escape import page as in_page

SHAPES = {
    "o": "M-{r},0A{r},{r} 0 1,0 {r},0A{r},{r} 0 1,0 -{r},0Z",
    "s": "M-{r},-{r}H{r}V{r}H-{r}Z",
    "^": "M0,-{r}L{r},{r}H-{r}Z",
    "v": "M0,{r}L{r},-{r}H-{r}Z",
    "<": "M-{r},0L{r},-{r}V{r}Z",
    ">": "M{r},0L-{r},-{r}V{r}Z",
    "D": "M0,-{r}L{r},0L0,{r}L-{r},0Z",
    "h": "M0,-{r}L{r},-{h}V{h}L0,{r}L-{r},{h}V-{h}Z",
    "P": "M-{h},-{r}H{h}V-{h}H{r}V{h}H{h}V{r}H-{h}V{h}H-{r}V-{h}H-{h}Z",
    "X": "M-{r},-{r}L0,-{h}L{r},-{r}L{h},0L{r},{r}L0,{h}L-{r},{r}L-{h},0Z",
    "x": "M-{r},-{r}L{r},{r}M{r},-{r}L-{r},{r}",
}
DARK_COLORS = {
    "#332288": "var(--indigo)",
    "#882255": "var(--wine)",
    "#7A3E00": "var(--brown)",
    "#6B6B00": "var(--olive)",
}
"""Colors that are lighter on a dark page."""
DARK, LIGHT = "dark", "light"
"""Classes of text in tiles, independent of the page's own colors."""


def line(frame: Frame, drawn: Line, place: int) -> str:
    """Return band, runs and mean of one series; with a marker at about five points."""
    look, x = drawn.series.look, [frame.x(v) for v in drawn.x]
    parts = [_band(frame, drawn, x), _path(x, [[frame.y(v) for v in run] for run in drawn.runs], "run")]
    mean = [frame.y(v) for v in drawn.mean]
    parts.append(f'<path d="{_points(x, mean)}" {stroke(look, 1.7)}/>')
    every = max(1, len(x) // 5)
    at = range(place * every // 4 % max(1, len(x)), len(x), every)
    if drawn.marked:
        parts += [shape(look, x[i], mean[i], 3) for i in at if math.isfinite(mean[i])]
    return f'<g data-k="{drawn.series.number}" stroke="{color(look)}" fill="none">{"".join(parts)}</g>'


def _band(frame: Frame, drawn: Line, x: Sequence[float]) -> str:
    seen = [i for i, low in enumerate(drawn.low) if math.isfinite(low)]
    if len(seen) < 2 or not drawn.banded:
        return ""
    upper = [f"{x[i]:.1f},{frame.y(drawn.high[i]):.1f}" for i in seen]
    lower = [f"{x[i]:.1f},{frame.y(drawn.low[i]):.1f}" for i in reversed(seen)]
    return f'<path class="band" fill="{color(drawn.series.look)}" d="M{"L".join([*upper, *lower])}Z"/>'


def _path(x: Sequence[float], runs: Sequence[Sequence[float]], name: str) -> str:
    return f'<path class="{name}" d="{"".join(_points(x, y) for y in runs)}"/>' if runs else ""


def _points(x: Sequence[float], y: Sequence[float]) -> str:
    """Return path data with a gap wherever there is no value."""
    parts, pen = [], "M"
    for a, b in zip(x, y, strict=True):
        if not (math.isfinite(a) and math.isfinite(b)):
            pen = "M"
            continue
        parts.append(f"{pen}{a:.1f},{b:.1f}")
        pen = "L"
    return "".join(parts)


def mark(frame: Frame, drawn: Mark) -> str:
    """Return a point and its interval."""
    look, x, y = drawn.series.look, frame.x(drawn.x), frame.y(drawn.y)
    shown = shape(look, x, y, drawn.size)
    if drawn.half is not None:
        low, high = (frame.y(drawn.y + sign * drawn.half) for sign in (-1, 1))
        caps = f"M{x - 4:.1f},{low:.1f}h8M{x - 4:.1f},{high:.1f}h8"
        shown = f'<path d="M{x:.1f},{low:.1f}V{high:.1f}{caps}" {stroke(look, 1.4, dashed=False)}/>{shown}'
    return asked(f"{x:.1f} {y:.1f}", drawn.says, shown, drawn.series.number)


def slope(frame: Frame, drawn: Slope) -> str:
    """Return a line through its points, with a marker at each if it has them."""
    at = [(frame.x(a), frame.y(b)) for a, b in zip(drawn.x, drawn.y, strict=True)]
    data = _points([x for x, _ in at], [y for _, y in at])
    shown = f'<path d="{data}" {stroke(drawn.look, drawn.width)}/>'
    if drawn.marked:
        shown += "".join(shape(drawn.look, x, y, 3.4) for x, y in at)
    places = " ".join(f"{x:.1f} {y:.1f}" for x, y in at)
    return asked(places, drawn.says, shown, drawn.series.number)


def tile(frame: Frame, drawn: Tile) -> str:
    """Return a field in the color of its share of the ramp, with its text inside; an empty one without a
    share.
    """
    left, right = (frame.x(drawn.x + side) for side in (-0.5, 0.5))
    top, bottom = (frame.y(drawn.y + side) for side in (0.5, -0.5))
    middle, height = (left + right) / 2, (top + bottom) / 2
    ground = "none" if drawn.share is None else matplotlib.colors.to_hex(TILES(drawn.share))
    ink = "" if drawn.share is None else f" {readable(ground)}"
    first = height + (4.5 if len(drawn.texts) == 1 else -2.5)
    texts = "".join(
        f'<text class="{"value" if i == 0 else "more"}{ink}" x="{middle:.1f}" y="{first + 13 * i:.1f}" '
        f'text-anchor="middle">{in_page(text)}</text>'
        for i, text in enumerate(drawn.texts)
    )
    field = (
        f'<rect class="tile" x="{left + 1:.1f}" y="{top + 1:.1f}" width="{right - left - 2:.1f}" '
        f'height="{bottom - top - 2:.1f}" rx="2" fill="{ground}"/>'
    )
    return asked(f"{middle:.1f} {height:.1f}", drawn.says, field + texts)


def readable(ground: str) -> str:
    """Return the class of the ink with more contrast on a color (#rrggbb), by relative luminance."""
    channels = (int(ground[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    luminance = sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
    return LIGHT if 1.05 / (luminance + 0.05) > (luminance + 0.05) / 0.055 else DARK


def asked(places: str, says: str, shown: str, number: int | None = None) -> str:
    """Return a group with a tooltip; `places` are its points, x and y in turn."""
    switched = "" if number is None else f' data-k="{number}"'
    return f'<g class="mark"{switched} data-at="{places}"><title>{in_page(says)}</title>{shown}</g>'


def color(look: ArmStyle) -> str:
    """Return a style's color as the page names it: black, grays and dark colors differ on a dark page."""
    grays = {"#555555": "var(--gray)", MUTED: "var(--gray)", FAINT: "var(--faint)"}
    return {"#000000": "currentColor", **grays, **DARK_COLORS}.get(look.color, look.color)


def stroke(look: ArmStyle, width: float, *, dashed: bool = True) -> str:
    """Return the attributes of a line in an arm's style."""
    dash = look.dash
    pattern = "" if isinstance(dash, str) or not dashed else " ".join(f"{width * d:.1f}" for d in dash[1])
    dasharray = f' stroke-dasharray="{pattern}"' if pattern else ""
    return f'stroke="{color(look)}" fill="none" stroke-width="{width}"{dasharray}'


def shape(look: ArmStyle, x: float, y: float, size: float, marker: str = "") -> str:
    """Return a marker in an arm's style."""
    marker = marker or look.marker
    path = SHAPES[marker].format(r=f"{size:.1f}", h=f"{size / 2.4:.1f}")
    fill, edge = ("none", color(look)) if marker == "x" else (color(look), "var(--page)")
    return f'<path class="point" d="{path}" transform="translate({x:.1f} {y:.1f})" fill="{fill}" stroke="{edge}"/>'
