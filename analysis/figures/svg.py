"""Charts as HTML: panels of inline SVG, a legend that switches series, and tables of the numbers that
tooltips show.

They contain no style attribute and no script: the page's policy allows neither.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from analysis.figures.model import Chart, Line, Mark, Numbers, Panel, Slope
from analysis.figures.svg_forest import forest_svg
from analysis.figures.svg_frame import TOP, Frame, axes
from analysis.figures.svg_marks import line, mark, shape, slope, stroke, tile
from analysis.text.escape import page as in_page


def chart_html(chart: Chart, caption: str, notes: Sequence[str] = (), *, traced: bool = True) -> str:
    """Return a figure element; its id is the chart's name. `notes` are folded; a `traced` one has a button
    that opens its provenance.
    """
    tables = "".join(_table(chart, table, i) for i, table in enumerate(chart.tables))
    why = f" {why_button('figure', chart.name)}" if traced else ""
    told = [*notes, chart.note] if chart.note else notes
    return (
        f'<figure id="{chart.name}" class="chart">{drawn_html(chart)}'
        f"<figcaption>{in_page(caption)}{why}</figcaption>{_notes(told)}"
        f"<details><summary>The numbers of this figure</summary>{tables}</details></figure>\n"
    )


def drawn_html(chart: Chart) -> str:
    """Return the drawing of a chart, with its legend and without text around it."""
    if chart.rows is not None:
        return forest_svg(chart.rows)
    rows: dict[str, list[str]] = {}  # panels with one y axis share a row
    for i, panel in enumerate(chart.panels):
        rows.setdefault(panel.y.label, []).append(_panel(chart, panel, i))
    size = chart.panels[0].size
    return "".join(f'<div class="{size} panels">{"".join(row)}</div>' for row in rows.values()) + _legend(
        chart
    )


def _notes(notes: Sequence[str]) -> str:
    """Return how to read a figure, folded."""
    told = "".join(f"<p>{in_page(note)}</p>" for note in notes)
    return f"<details><summary>How to read this figure</summary>{told}</details>" if told else ""


def why_button(kind: str, name: str) -> str:
    """Return a button that opens the provenance of a figure or section."""
    return (
        f'<button type="button" class="why" data-{kind}="{in_page(name)}" '
        f'aria-haspopup="dialog">where it comes from</button>'
    )


def _legend(chart: Chart) -> str:
    if not chart.series:
        return ""
    items = "".join(
        f'<label><input type="checkbox" checked data-k="{s.number}"><svg viewBox="0 0 34 12" aria-hidden="true">'
        f'<path d="M1,6H33" {stroke(s.look, 1.6)}/>{shape(s.look, 17, 6, 4)}</svg>{in_page(s.label)}</label>'
        for s in chart.series
    )
    return f'<fieldset class="legend"><legend>show</legend>{items}</fieldset>'


def _panel(chart: Chart, panel: Panel, place: int) -> str:
    frame, clip = Frame(panel), f"{chart.name}-clip{place}"
    drawn = "".join(line(frame, one, i) for i, one in reversed(list(enumerate(panel.lines))))
    levels = "".join(
        f'<path class="level" d="M{frame.left},{frame.y(v):.1f}H{frame.right}"/>' for v in panel.levels
    )
    slopes = "".join(slope(frame, one) for one in panel.slopes)
    marks = "".join([*(mark(frame, one) for one in panel.marks), *(tile(frame, one) for one in panel.tiles)])
    return (
        f'<svg class="panel" viewBox="0 0 {frame.width} {frame.height}" role="img" '
        f'aria-label="{in_page(_about(panel))}"{_asked(chart, panel, frame)}>'
        f'<clipPath id="{clip}"><path d="M{frame.left},{TOP - 4}H{frame.right + 4}V{frame.bottom + 4}H{frame.left}Z"/></clipPath>'
        f'{axes(frame)}{slopes}<g clip-path="url(#{clip})">{levels}{drawn}</g>{marks}<path class="cursor" d=""/></svg>'
    )


def _about(panel: Panel) -> str:
    """Describe a panel for readers who cannot see it."""
    about = f"{panel.y.label or 'arms'} against {panel.x.label}" + (f", {panel.title}" if panel.title else "")
    drawn: list[Line | Slope | Mark] = [*panel.lines, *panel.slopes, *panel.marks]
    who = ", ".join(dict.fromkeys(one.series.label for one in drawn))
    return f"{about}{f': {who}' if who else ''}. The numbers are in a table below."


def _asked(chart: Chart, panel: Panel, frame: Frame) -> str:
    """Return attributes with which the script responds to a pointer and the arrow keys: from a table along x,
    or from marks.
    """
    own = "" if panel.switch is None else f' data-k="{panel.switch.number}"'
    if any(one.low or one.runs for one in panel.lines):
        return (
            f'{own} tabindex="0" data-table="{chart.name}-numbers{panel.table}" data-scale="{panel.x.scale}" '
            f'data-low="{panel.x.low:g}" data-high="{panel.x.high:g}" data-left="{frame.left}" data-right="{frame.right}" '
            f'data-top="{TOP}" data-bottom="{frame.bottom}"'
        )
    return own + (' tabindex="0"' if panel.marks or panel.slopes or panel.tiles else "")


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
