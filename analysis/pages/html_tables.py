"""Tables of index.html: heads that sort, a filter, and cells that open their provenance. Without a script they are tables."""

from __future__ import annotations

import itertools

from analysis.figures.svg import why_button
from analysis.text.escape import page as in_page
from analysis.text.table import Cell, Row, Table, marked

FEWEST_TO_FILTER = 6
"""Rows from which on a filter helps."""


def table_html(table: Table) -> str:
    """A figure element with a table that scrolls sideways on a narrow screen; groups of rows are sorted apart."""
    head = "".join(
        f'<th scope="col" aria-sort="none"><button type="button">{in_page(column)}</button></th>'
        for column in table.columns
    )
    groups = itertools.groupby(table.rows, key=lambda row: row.group)
    bodies = "".join(_body(table, name, list(rows), first=i == 0) for i, (name, rows) in enumerate(groups))
    name = in_page(table.name)
    why = f" {why_button('caption', table.name)}" if table.caption_trace is not None else ""
    caption = f"{in_page(' '.join(table.caption))}{why}"
    return (
        f'<figure id="{name}"><h3 id="title-{name}">{in_page(title(table))}</h3>{_filter(table)}'
        f'<div class="scroll" tabindex="0" role="region" aria-labelledby="title-{name}">'
        f'<table class="sortable" id="table-{name}"><caption class="sr">{in_page(title(table))}</caption>'
        f"<thead><tr>{head}</tr></thead>{bodies}</table></div><figcaption>{caption}</figcaption></figure>\n"
    )


def title(table: Table) -> str:
    """What the page calls a table."""
    return table.title or table.name.replace("_", ", ").capitalize()


def html_row(row: Row) -> str:
    """One row on a line of its own, which no other file of the report has a use for."""
    first, *rest = row.cells
    return (
        f'<tr data-row="{in_page(row.key)}"><th scope="row">{_shown(first)}</th>'
        + "".join(f"<td{_value(cell)}>{_shown(cell)}</td>" for cell in rest)
        + "</tr>"
    )


def _body(table: Table, group: str, rows: list[Row], *, first: bool) -> str:
    heading = ""
    if not first and group in table.headings:
        width = len(table.columns)
        heading = f'<tr><td class="note" colspan="{width}">{in_page(table.headings[group])}</td></tr>\n'
    lines = "\n".join(html_row(row) for row in rows)
    return f"<tbody>\n{heading}{lines}\n</tbody>"


def _filter(table: Table) -> str:
    if len(table.rows) < FEWEST_TO_FILTER:
        return ""
    return (
        f'<p class="filter"><label>filter rows <input type="search" aria-controls="table-{in_page(table.name)}"></label>'
        "<output></output></p>"
    )


def _shown(cell: Cell) -> str:
    text = marked(in_page(cell.text), cell, "<b>{}</b>", "<u>{}</u>")
    return text if cell.trace is None else f'<button type="button" aria-haspopup="dialog">{text}</button>'


def _value(cell: Cell) -> str:
    """What a column is sorted by: the first number of a cell, unrounded; a cell without one goes last."""
    numbers = (v for v in cell.data.values() if isinstance(v, int | float) and not isinstance(v, bool))
    found = next(numbers, None)
    return "" if found is None else f' data-v="{found:.9g}"'
