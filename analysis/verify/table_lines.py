"""Finds the cells that differ between a table in a text file and the table written again."""

from __future__ import annotations

import csv
import functools
import io
import itertools
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from analysis.pages.html_tables import html_row, table_html
from analysis.text.latex_table import latex_lines, shortened, to_latex, to_short_latex
from analysis.text.table import Table, markdown_rows, to_csv, to_markdown, to_markdown_alone
from analysis.text.table_files import SHORT
from analysis.verify.why import cell_name

NEAR = 1e-9
"""Relative difference of numbers that a different processor may have added in a different order."""
_MARKDOWN, _LATEX = re.compile(r"(?<!\\)\|"), re.compile(r"(?<!\\)&")
_SPLIT = {".md": _MARKDOWN, ".tex": _LATEX, SHORT: _LATEX, ".html": re.compile(r"(?=<t[hd]\b)")}
_RENDER = {
    ".md": (to_markdown, to_markdown_alone),
    ".tex": (to_latex,),
    SHORT: (to_short_latex,),
    ".html": (table_html,),
}


@dataclass(frozen=True)
class _Line:
    """The origin of a line's cells."""

    table: Table
    row: int
    columns: tuple[str, ...]


def differing_cells(tables: list[Table], there: str, expected: str, kind: str) -> list[str]:
    """Return the names of the cells in lines of `expected` that differ in `there`; `layout` for text outside
    cells.
    """
    rows = {line: where for table in tables for line, where in _lines(table, kind)}
    captions = functools.cache(lambda: _rendered(tables, kind))
    found: list[str] = []
    for mine, wanted in itertools.zip_longest(there.split("\n"), expected.split("\n")):
        if mine == wanted:
            continue
        where = rows.get(wanted or "")
        if where is None:
            found.append(_caption(tables, captions(), wanted or ""))
        else:
            found += _cells(where, mine or "", wanted or "", kind)
    return list(dict.fromkeys(found))


def same_numbers(there: str, expected: str) -> bool:
    """Return whether two CSV files hold the same cells, with numbers equal up to the order of addition."""
    mine, wanted = (list(csv.reader(io.StringIO(text))) for text in (there, expected))
    return len(mine) == len(wanted) and all(
        len(a) == len(b) and all(_near(x, y) for x, y in zip(a, b, strict=True))
        for a, b in zip(mine, wanted, strict=True)
    )


def differing_in_csv(table: Table, there: str) -> list[str]:
    """Return the names of the cells whose numbers differ in a CSV file."""
    mine = list(csv.DictReader(io.StringIO(there)))
    found = []
    for row, wanted in enumerate(csv.DictReader(io.StringIO(to_csv(table)))):
        own = mine[row] if row < len(mine) else {}
        keys = {key for key, value in wanted.items() if not _near(own.get(key) or "", value)}
        for column, cell in zip(table.columns, table.rows[row].cells, strict=True):
            if keys & set(cell.data):
                found.append(cell_name(table.name, table.rows[row].key, column))
    return found or [f"{table.name} (layout)"]


def _near(a: str, b: str) -> bool:
    if a == b:
        return True
    try:
        return math.isclose(float(a), float(b), rel_tol=NEAR, abs_tol=1e-12)
    except ValueError:
        return False


def _lines(table: Table, kind: str) -> Iterator[tuple[str, _Line]]:
    """Yield the lines that show rows, and the origin of each."""
    if kind in (".tex", SHORT):
        shown = shortened(table) if kind == SHORT else table
        for line, row, columns in latex_lines(shown, narrow=kind == SHORT):
            yield line, _Line(shown, row, columns)
    else:
        lines = [html_row(row) for row in table.rows] if kind == ".html" else markdown_rows(table)
        for i, line in enumerate(lines):
            yield line, _Line(table, i, table.columns)


def _cells(where: _Line, mine: str, wanted: str, kind: str) -> Iterator[str]:
    name, key, columns = where.table.name, where.table.rows[where.row].key, where.columns
    a, b = (_SPLIT[kind].split(line) for line in (mine, wanted))
    offset = 1 if kind in (".md", ".html") else 0  # Markdown starts with a bar, HTML with the row's own tag
    if len(a) != len(b):
        yield from (cell_name(name, key, column) for column in columns)
        return
    for i, (x, y) in enumerate(zip(a, b, strict=True)):
        if x != y and offset <= i < offset + len(columns):
            yield cell_name(name, key, columns[i - offset])


def _rendered(tables: list[Table], kind: str) -> dict[str, str]:
    """Map each line of the tables to the name of the first table that has it."""
    found: dict[str, str] = {}
    for table in tables:
        for render in _RENDER[kind]:
            for line in render(table).split("\n"):
                found.setdefault(line, table.name)
    return found


def _caption(tables: list[Table], names: Mapping[str, str], wanted: str) -> str:
    if wanted and wanted in names:
        return f"{names[wanted]}[caption]"
    return f"{tables[0].name} (layout)" if len(tables) == 1 else "page"
