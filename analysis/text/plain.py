"""A table for a terminal: aligned columns, and below them its caption and how to read it."""

from __future__ import annotations

import textwrap

from analysis.text.escape import visible
from analysis.text.table import Table

WIDTH = 110


def to_plain(table: Table) -> str:
    """Format a table: column 1 left-aligned, the others right-aligned; a blank line separates groups of rows."""
    lines = [[visible(" ".join(column.split())) for column in table.heads]]
    lines += [[visible(" ".join(cell.text.split())) for cell in row.cells] for row in table.rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(table.columns))]
    groups = [None, *(row.group for row in table.rows)]
    text: list[str] = []
    for i, line in enumerate(lines):
        if i > 1 and groups[i] != groups[i - 1]:
            text.append("")
        first, *others = zip(line, widths, strict=True)
        text.append(
            "  ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]).rstrip()
        )
    meanings = (f"{name}: {meaning}" for name, meaning in table.explained)
    said = (*table.caption, *table.notes, *meanings, *table.common)
    caption = [part for sentence in said for part in textwrap.wrap(visible(sentence), WIDTH)]
    return "\n".join([*text, "", *caption]) + "\n"
