"""Charts as HTML: panels of inline SVG, a legend that switches series, and the numbers as tables that hovering reads.

No style attribute and no script in it: the page's policy allows neither.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from analysis.chart import Axis, Chart, Line, Mark, Numbers, Panel, Series, number, ticks
from analysis.escape import page as in_page
from analysis.style import MUTED

WIDTH, HEIGHT = 360, 230
LEFT, RIGHT, TOP, BOTTOM = 50, 10, 20, 38
NAMED_LEFT, NAMED_RIGHT, ROW = 138, 44, 17
"""Room for the names of rows and for notes on them, and the height of one."""
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


def chart_html(chart: Chart, caption: str, *, traced: bool = True) -> str:
    """A figure element; its id is the chart's name. A `traced` one has a button that opens its provenance."""
    panels = "".join(_panel(chart, panel, i) for i, panel in enumerate(chart.panels))
    tables = "".join(_table(chart, table, i) for i, table in enumerate(chart.tables))
    note = f" {chart.note}" if chart.note else ""
    why = f" {why_button('figure', chart.name)}" if traced else ""
    return (
        f'<figure id="{chart.name}" class="chart"><div class="panels">{panels}</div>{_legend(chart)}'
        f"<figcaption>{in_page(caption + note)}{why}</figcaption>"
        f"<details><summary>The numbers of this figure</summary>{tables}</details></figure>\n"
    )


def why_button(kind: str, name: str) -> str:
    """A button that opens the provenance of a figure or section."""
    return (
        f'<button type="button" class="why" data-{kind}="{in_page(name)}" '
        f'aria-haspopup="dialog">where it comes from</button>'
    )


def _legend(chart: Chart) -> str:
    items = "".join(
        f'<label><input type="checkbox" checked data-k="{s.number}"><svg viewBox="0 0 34 12" aria-hidden="true">'
        f'<path d="M1,6H33" {_stroke(s, 1.6)}/>{_shape(s, 17, 6, 4)}</svg>{in_page(s.label)}</label>'
        for s in chart.series
    )
    return f'<fieldset class="legend"><legend>show</legend>{items}</fieldset>'


class _Frame:
    """Where the axes of a panel lie."""

    def __init__(self, panel: Panel):
        self.panel = panel
        self.left = NAMED_LEFT if panel.y.names else LEFT
        rows = ROW * len(panel.y.names) + TOP + BOTTOM
        self.height = rows if panel.y.names else HEIGHT
        self.right = WIDTH - (NAMED_RIGHT if panel.y.names else RIGHT)
        self.bottom = self.height - BOTTOM

    def x(self, value: float) -> float:
        return self.left + (self.right - self.left) * self.panel.x.place(value)

    def y(self, value: float) -> float:
        return self.bottom - (self.bottom - TOP) * self.panel.y.place(value)


def _panel(chart: Chart, panel: Panel, place: int) -> str:
    frame, clip = _Frame(panel), f"{chart.name}-clip{place}"
    drawn = "".join(_line(frame, line, i) for i, line in reversed(list(enumerate(panel.lines))))
    levels = "".join(
        f'<path class="level" d="M{frame.left},{frame.y(v):.1f}H{frame.right}"/>' for v in panel.levels
    )
    marks = "".join(_mark(frame, mark) for mark in panel.marks)
    about = f"{panel.y.label or 'arms'} against {panel.x.label}" + (f", {panel.title}" if panel.title else "")
    series = [line.series for line in panel.lines] + [mark.series for mark in panel.marks]
    who = ", ".join(dict.fromkeys(one.label for one in series))
    hover = (
        f' tabindex="0" data-table="{chart.name}-numbers{panel.table}" data-scale="{panel.x.scale}" '
        f'data-low="{panel.x.low:g}" data-high="{panel.x.high:g}" data-left="{frame.left}" data-right="{frame.right}"'
        if panel.lines and any(line.half or line.runs for line in panel.lines)
        else ""
    )
    return (
        f'<svg class="panel" viewBox="0 0 {WIDTH} {frame.height}" role="img" '
        f'aria-label="{in_page(f"{about}: {who}. The numbers are in a table below.")}"{hover}>'
        f'<clipPath id="{clip}"><path d="M{frame.left},{TOP - 4}H{frame.right + 4}V{frame.bottom + 4}H{frame.left}Z"/></clipPath>'
        f'{_axes(frame)}<g clip-path="url(#{clip})">{levels}{drawn}</g>{marks}<path class="cursor" d=""/></svg>'
    )


def _axes(frame: _Frame) -> str:
    panel, parts = frame.panel, []
    for value in ticks(panel.x):
        x = frame.x(value)
        parts.append(f'<path class="grid" d="M{x:.1f},{TOP}V{frame.bottom}"/>')
        parts.append(
            f'<text x="{x:.1f}" y="{frame.bottom + 13}" text-anchor="middle">{_tick(panel.x, value)}</text>'
        )
    for value in ticks(panel.y):
        y = frame.y(value)
        parts.append(f'<path class="grid" d="M{frame.left},{y:.1f}H{frame.right}"/>')
        parts.append(
            f'<text x="{frame.left - 5}" y="{y + 3.5:.1f}" text-anchor="end">{_tick(panel.y, value)}</text>'
        )
    middle = (frame.left + frame.right) / 2
    parts.append(f'<path class="axis" d="M{frame.left},{TOP}V{frame.bottom}H{frame.right}"/>')
    parts.append(
        f'<text x="{middle}" y="{frame.height - 8}" text-anchor="middle">{in_page(panel.x.label)}</text>'
    )
    heading = " · ".join(part for part in (panel.y.label, panel.title) if part)
    parts.append(
        f'<text class="title" x="{frame.left if not panel.y.names else 4}" y="11">{in_page(heading)}</text>'
    )
    return "".join(parts)


def _tick(axis: Axis, value: float) -> str:
    return in_page(_cut(axis.names[int(value)]) if axis.names else number(value))


def _cut(name: str, characters: int = 26) -> str:
    return name if len(name) <= characters else name[: characters - 1] + "…"


def _line(frame: _Frame, line: Line, place: int) -> str:
    """Band, runs and mean of one series; a marker at about five points."""
    x = [frame.x(v) for v in line.x]
    parts = [_band(frame, line, x), _path(x, [[frame.y(v) for v in run] for run in line.runs], "run")]
    mean = [frame.y(v) for v in line.mean]
    parts.append(f'<path d="{_points(x, mean)}" {_stroke(line.series, 1.7)}/>')
    every = max(1, len(x) // 5)
    at = range(place * every // 4 % max(1, len(x)), len(x), every)
    parts += [_shape(line.series, x[i], mean[i], 3) for i in at if math.isfinite(mean[i])]
    return f'<g data-k="{line.series.number}" stroke="{_color(line.series)}" fill="none">{"".join(parts)}</g>'


def _band(frame: _Frame, line: Line, x: Sequence[float]) -> str:
    seen = [i for i, half in enumerate(line.half) if math.isfinite(half) and math.isfinite(line.mean[i])]
    if len(seen) < 2:
        return ""
    upper = [f"{x[i]:.1f},{frame.y(line.mean[i] + line.half[i]):.1f}" for i in seen]
    lower = [f"{x[i]:.1f},{frame.y(line.mean[i] - line.half[i]):.1f}" for i in reversed(seen)]
    return f'<path class="band" fill="{_color(line.series)}" d="M{"L".join([*upper, *lower])}Z"/>'


def _path(x: Sequence[float], runs: Sequence[Sequence[float]], name: str) -> str:
    return f'<path class="{name}" d="{"".join(_points(x, y) for y in runs)}"/>' if runs else ""


def _points(x: Sequence[float], y: Sequence[float]) -> str:
    """Path data with a gap wherever there is no value."""
    parts, pen = [], "M"
    for a, b in zip(x, y, strict=True):
        if not (math.isfinite(a) and math.isfinite(b)):
            pen = "M"
            continue
        parts.append(f"{pen}{a:.1f},{b:.1f}")
        pen = "L"
    return "".join(parts)


def _mark(frame: _Frame, mark: Mark) -> str:
    """A point, its interval and its note; what lies off the axis is an arrow at its end."""
    (x, beyond), y = _inside(frame, mark.x), frame.y(mark.y)
    drawn = _shape(mark.series, x, y, mark.size, beyond or mark.series.look.marker)
    if not beyond and mark.low is not None and mark.high is not None:
        ends = [_inside(frame, value) for value in (mark.low, mark.high)]
        drawn = f'<path d="M{ends[0][0]:.1f},{y:.1f}H{ends[1][0]:.1f}" {_stroke(mark.series, 1.6, dashed=False)}/>{drawn}'
        drawn += "".join(_shape(mark.series, end, y, 3, arrow) for end, arrow in ends if arrow)
    note = f'<text x="{frame.right + 7}" y="{y + 3.5:.1f}">{in_page(mark.note)}</text>' if mark.note else ""
    return (
        f'<g class="mark" data-k="{mark.series.number}" data-at="{x:.1f} {y:.1f}"><title>{in_page(mark.says)}</title>{drawn}'
        f"{note}</g>"
    )


def _inside(frame: _Frame, value: float) -> tuple[float, str]:
    """Where a value is drawn, and the arrow that points to it where it lies off the axis."""
    low, high = frame.panel.x.low, frame.panel.x.high
    return frame.x(min(max(value, low), high)), "<" if value < low else ">" if value > high else ""


def _color(series: Series) -> str:
    """Black and the dark greys of controls are lighter on a dark page."""
    return {"#000000": "currentColor", "#555555": "var(--grey)", MUTED: "var(--grey)"}.get(
        series.look.color, series.look.color
    )


def _stroke(series: Series, width: float, *, dashed: bool = True) -> str:
    dash = series.look.dash
    pattern = "" if isinstance(dash, str) or not dashed else " ".join(f"{width * d:.1f}" for d in dash[1])
    dasharray = f' stroke-dasharray="{pattern}"' if pattern else ""
    return f'stroke="{_color(series)}" fill="none" stroke-width="{width}"{dasharray}'


def _shape(series: Series, x: float, y: float, size: float, marker: str = "") -> str:
    marker = marker or series.look.marker
    shape = SHAPES[marker].format(r=f"{size:.1f}", h=f"{size / 2.4:.1f}")
    fill, stroke = ("none", _color(series)) if marker == "x" else (_color(series), "var(--page)")
    return f'<path class="point" d="{shape}" transform="translate({x:.1f} {y:.1f})" fill="{fill}" stroke="{stroke}"/>'


def _table(chart: Chart, table: Numbers, place: int) -> str:
    heads = "".join(
        f'<th scope="col"{"" if k is None else f" data-k={chr(34)}{k}{chr(34)}"}>{in_page(head)}</th>'
        for head, k in table.heads
    )
    rows = "\n".join(_row(row) for row in table.rows)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{in_page(table.title)}">'
        f'<table id="{chart.name}-numbers{place}"><caption>{in_page(table.title)}</caption>'
        f"<thead><tr>{heads}</tr></thead><tbody>\n{rows}\n</tbody></table></div>"
    )


def _row(row: Sequence[str]) -> str:
    first, *rest = (in_page(cell) for cell in row)
    return f'<tr><th scope="row">{first}</th>{"".join(_cells(rest))}</tr>'


def _cells(cells: Sequence[str]) -> Iterator[str]:
    yield from (f"<td>{cell}</td>" for cell in cells)
