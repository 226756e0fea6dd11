"""One table, rendered as Markdown and as data; the other renderings are in analysis.text.latex_table and
analysis.pages.html_tables.

A cell shows rounded text and carries the unrounded numbers behind it.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from analysis.logs.trace import Trace
from analysis.text.escape import csv_field, markdown
from analysis.text.pieces import folded


@dataclass(frozen=True)
class Cell:
    """Text to show, and named numbers for the data file."""

    text: str
    data: Mapping[str, float | int | str | None] = field(default_factory=dict)
    bold: bool = False
    trace: Trace | None = None
    """The origin of its numbers; None for text from the study's manifest."""


@dataclass(frozen=True)
class Row:
    """Cells of one line; a rule separates rows of different groups."""

    group: str
    cells: tuple[Cell, ...]
    name: str = ""
    """Distinguishes it from other rows if its first cell does not."""
    aside: Mapping[str, float | int | str | None] = field(default_factory=dict)
    """Numbers for the data file from columns that the table leaves out."""

    @property
    def key(self) -> str:
        """Return the row's name: its own, else the arm's, else the text of its first cell."""
        return self.name or str(self.cells[0].data.get("arm") or self.cells[0].text)


@dataclass(frozen=True)
class Table:
    """A captioned table. Column 1 is text, the others are numbers."""

    name: str
    caption: tuple[str, ...]
    """What it shows, in at most 40 words."""
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    headings: Mapping[str, str] = field(default_factory=dict)
    """Group to a line of text above its rows."""
    title: str = ""
    """The table's title on a page; its name if empty."""
    caption_trace: Trace | None = None
    """The origin of the numbers in the caption and the notes."""
    notes: tuple[str, ...] = ()
    """How to read it, beyond the caption: folded on the page, notes below it in print."""
    meanings: Mapping[str, str] = field(default_factory=dict)
    """Column to its meaning, if its heading does not explain it."""
    common: tuple[str, ...] = ()
    """What holds for the whole report: a page states it once, a separate file states it in its notes."""
    qualifiers: Mapping[str, str] = field(default_factory=dict)
    """Column to the text in brackets after its name, such as the meaning of ±."""

    def __post_init__(self) -> None:
        """Remove columns in which no row shows anything; keep their data."""
        shown = [i for i in range(len(self.columns)) if i == 0 or self._shows(i)]
        if self.rows and len(shown) < len(self.columns):
            object.__setattr__(self, "rows", tuple(_kept(row, shown) for row in self.rows))
            object.__setattr__(self, "columns", tuple(self.columns[i] for i in shown))

    def _shows(self, column: int) -> bool:
        return any(row.cells[column].text != EMPTY for row in self.rows)

    @property
    def heads(self) -> tuple[str, ...]:
        """Return the columns' names as their headers print them."""
        said = self.qualifiers
        return tuple(f"{name} ({said[name]})" if said.get(name) else name for name in self.columns)

    @property
    def explained(self) -> tuple[tuple[str, str], ...]:
        """Return the columns that need more words than their headers, with their meanings."""
        return tuple((name, self.meanings[name]) for name in self.columns if name in self.meanings)


EMPTY = "–"
"""The text of a cell that shows nothing."""


def _kept(row: Row, shown: Sequence[int]) -> Row:
    """Return the row with the cells of these columns."""
    left_out = (cell for i, cell in enumerate(row.cells) if i not in shown)
    aside = {key: value for cell in left_out for key, value in cell.data.items()}
    return replace(row, cells=tuple(row.cells[i] for i in shown), aside={**row.aside, **aside})


def decimals(value: float) -> int:
    """Return two significant digits for small numbers, one decimal from 10 on: clip rates span 0.01 to 40 %."""
    if value == 0 or abs(value) >= 10:
        return 1
    return max(2, 1 - math.floor(math.log10(abs(value))))


def breaks(table: Table) -> list[tuple[Row, bool]]:
    """Return each row, and whether it begins a new group."""
    groups = [row.group for row in table.rows]
    return [(row, i > 0 and groups[i - 1] != row.group) for i, row in enumerate(table.rows)]


def to_markdown(table: Table) -> str:
    """Return GitHub Markdown for a page: the caption above, how to read it folded below. The page states
    common facts once.
    """
    return _markdown(table, [*map(markdown, table.notes), *_meanings(table)])


def to_markdown_alone(table: Table) -> str:
    """Return the same for a separate file, including the facts common to the report."""
    return _markdown(table, [*map(markdown, table.notes), *_meanings(table), *map(markdown, table.common)])


def _markdown(table: Table, said: Sequence[str]) -> str:
    lines = [
        markdown(" ".join(table.caption)),
        "",
        "| " + " | ".join(markdown(c) for c in table.heads) + " |",
        "|:--" + "|--:" * (len(table.columns) - 1) + "|",
    ]
    for row, parted in breaks(table):
        if parted and row.group in table.headings:
            heading = f"*{markdown(table.headings[row.group])}*"
            lines.append("| " + " | ".join([heading] + [""] * (len(table.columns) - 1)) + " |")
        lines.append(_markdown_row(row))
    if said:
        lines += ["", folded(HOW_TO_READ, "\n".join(f"- {one}" for one in said))]
    return "\n".join(lines) + "\n"


def _meanings(table: Table) -> list[str]:
    return [f"**{markdown(name)}**: {markdown(meaning)}" for name, meaning in table.explained]


HOW_TO_READ = "How to read this table"


def marked(text: str, cell: Cell, bold: str) -> str:
    """Apply a cell's emphasis to escaped text."""
    return bold.format(text) if cell.bold else text


def _markdown_row(row: Row) -> str:
    cells = [marked(markdown(c.text), c, "**{}**") for c in row.cells]
    return "| " + " | ".join(cells) + " |"


def to_csv(table: Table) -> str:
    """Return unrounded numbers as CSV, with n and interval columns; empty if there is no number."""
    rows = [
        {"group": r.group, **{k: v for c in r.cells for k, v in c.data.items()}, **r.aside}
        for r in table.rows
    ]
    header = list(dict.fromkeys(key for row in rows for key in row))
    stream = io.StringIO()
    writer = csv.DictWriter(stream, header, restval="", lineterminator="\n")
    writer.writerow({key: csv_field(key) for key in header})
    writer.writerows({key: csv_field(value) for key, value in row.items()} for row in rows)
    return stream.getvalue()


def markdown_rows(table: Table) -> list[str]:
    """Return each row's line of Markdown."""
    return [_markdown_row(row) for row in table.rows]
