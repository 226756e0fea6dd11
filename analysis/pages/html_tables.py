"""Tables of index.html: heads that sort, a filter, and cells that open their provenance. Without a script they are tables."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from markupsafe import Markup

from analysis.figures.svg import why_button
from analysis.pages.templates import own, render
from analysis.text.glossary import parts, terms_used
from analysis.text.table import HOW_TO_READ, Cell, Row, Table

FEWEST_TO_FILTER = 6
"""Rows from which on a filter helps."""


def table_html(table: Table) -> Markup:
    """A figure element: what it shows, a table that scrolls sideways on a narrow screen, and how to read it, folded.

    Groups of rows are sorted apart.
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
    """Text in which the first occurrence of a term of the glossary says what it means, to the pointer and to the keyboard."""
    return render("words.html", parts=list(parts(text)))


def glossary_html(texts: Iterable[str]) -> Markup:
    """A list of the terms that these texts have, with what they mean."""
    return render("glossary.html", terms=list(terms_used(texts).values()))


def texts_of(table: Table) -> tuple[str, ...]:
    """The words of a table, cells apart: what a glossary has to explain."""
    meanings = (meaning for _, meaning in table.explained)
    return (*table.caption, *table.heads, *table.notes, *meanings)


def _meaning(table: Table, column: str) -> str:
    """What a column is: as the table says, else as the glossary does."""
    if column in table.meanings:
        return table.meanings[column]
    return " ".join(term.meaning for term in terms_used([column]).values())


def title(table: Table) -> str:
    """What the page calls a table."""
    return table.title or table.name.replace("_", ", ").capitalize()


def html_row(row: Row) -> Markup:
    """One row on a line of its own, which no other file of the report has a use for."""
    return render("row.html", row=row, values=[_value(cell) for cell in row.cells])


def _value(cell: Cell) -> str | None:
    """What a column is sorted by: the first number of a cell, unrounded; a cell without one goes last."""
    numbers = (v for v in cell.data.values() if isinstance(v, int | float) and not isinstance(v, bool))
    found = next(numbers, None)
    return None if found is None else f"{found:.9g}"
