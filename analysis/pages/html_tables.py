"""Tables of index.html: headers that sort, a filter, and cells that open their provenance. Without a script
they are plain tables.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from markupsafe import Markup

from analysis.figures.svg import why_button
from analysis.pages.templates import own, render
from analysis.text.glossary import parts, terms_used
from analysis.text.table import HOW_TO_READ, Cell, Row, Table

FEWEST_TO_FILTER = 6
"""Fewest rows with a filter."""


def table_html(table: Table) -> Markup:
    """Return a figure element: caption, a table that scrolls sideways on a narrow screen, and how to read it,
    folded.

    Each group of rows is sorted separately.
    """
    groups = itertools.groupby(table.rows, key=lambda row: row.group)
    bodies = [
        (table.headings.get(group) if i else None, [html_row(row) for row in rows])
        for i, (group, rows) in enumerate(groups)
    ]
    traced = table.caption_trace is not None
    return render(
        "table.html",
        table=table,
        title=title(table),
        caption=explained(" ".join(table.caption)),
        heads=[(name, table.qualifiers.get(name, ""), _meaning(table, name)) for name in table.columns],
        how=HOW_TO_READ,
        bodies=bodies,
        filtered=len(table.rows) >= FEWEST_TO_FILTER,
        why=own(why_button("caption", table.name)) if traced else None,
    )


def explained(text: str) -> Markup:
    """Return text in which the first occurrence of each glossary term has its meaning as a tooltip, for
    pointer and keyboard.
    """
    return render("words.html", parts=list(parts(text)))


def glossary_html(texts: Iterable[str]) -> Markup:
    """Return a list of the terms that occur in these texts, with their meanings."""
    return render("glossary.html", terms=list(terms_used(texts).values()))


def texts_of(table: Table) -> tuple[str, ...]:
    """Return the text of a table without its cells: what the glossary has to cover."""
    meanings = (meaning for _, meaning in table.explained)
    return (*table.caption, *table.heads, *table.notes, *meanings)


def _meaning(table: Table, column: str) -> str:
    """Return a column's meaning: from the table, else from the glossary."""
    if column in table.meanings:
        return table.meanings[column]
    return " ".join(term.meaning for term in terms_used([column]).values())


def title(table: Table) -> str:
    """Return a table's title on the page."""
    return table.title or table.name.replace("_", ", ").capitalize()


def html_row(row: Row) -> Markup:
    """Return one row on a line of its own, so that tools can compare rows by line."""
    return render("row.html", row=row, values=[_value(cell) for cell in row.cells])


def _value(cell: Cell) -> str | None:
    """Return a cell's sort value: its first number, unrounded; cells without one sort last."""
    numbers = (v for v in cell.data.values() if isinstance(v, int | float) and not isinstance(v, bool))
    found = next(numbers, None)
    return None if found is None else f"{found:.9g}"
