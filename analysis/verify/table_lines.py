"""Which cells of a table a text file shows otherwise: a file that was written again beside the one that is there."""

from __future__ import annotations

import csv
import functools
import io
import itertools
import math
import re
from collections.abc import Iterator, Mapping

from analysis.pages.html_tables import html_row, table_html
from analysis.text.table import Table, row_lines, to_csv, to_latex, to_markdown, to_markdown_alone
from analysis.verify.why import cell_name

NEAR = 1e-9
"""Relative difference of numbers that another processor may have added up in another order."""
_SPLIT = {"md": re.compile(r"(?<!\\)\|"), "tex": re.compile(r"(?<!\\)&"), "html": re.compile(r"(?=<t[hd]\b)")}
_RENDER = {"md": (to_markdown, to_markdown_alone), "tex": (to_latex,), "html": (table_html,)}


def differing_cells(tables: list[Table], there: str, expected: str, kind: str) -> list[str]:
    """Names of the cells in lines of `expected` that `there` has otherwise; `layout` for what is no cell."""
    rows = {line: (table, i) for table in tables for i, line in enumerate(_lines(table, kind))}
    captions = functools.cache(lambda: _rendered(tables, kind))
    found: list[str] = []
    for mine, wanted in itertools.zip_longest(there.split("\n"), expected.split("\n")):
        if mine == wanted:
            continue
        table, row = rows.get(wanted or "", (None, 0))
        if table is None:
            found.append(_caption(tables, captions(), wanted or ""))
        else:
            found += _cells(table, row, mine or "", wanted or "", kind)
    return list(dict.fromkeys(found))


def same_numbers(there: str, expected: str) -> bool:
    """Whether two CSV files hold the same cells, numbers up to the order in which they were added."""
    mine, wanted = (list(csv.reader(io.StringIO(text))) for text in (there, expected))
    return len(mine) == len(wanted) and all(
        len(a) == len(b) and all(_near(x, y) for x, y in zip(a, b, strict=True))
        for a, b in zip(mine, wanted, strict=True)
    )


def differing_in_csv(table: Table, there: str) -> list[str]:
    """Names of the cells whose numbers a CSV file states otherwise."""
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


def _lines(table: Table, kind: str) -> list[str]:
    return [html_row(row) for row in table.rows] if kind == "html" else row_lines(table, kind)


def _cells(table: Table, row: int, mine: str, wanted: str, kind: str) -> Iterator[str]:
    key = table.rows[row].key
    a, b = (_SPLIT[kind].split(line) for line in (mine, wanted))
    offset = 0 if kind == "tex" else 1  # Markdown begins with a bar, HTML with the row's own tag
    if len(a) != len(b):
        yield from (cell_name(table.name, key, column) for column in table.columns)
        return
    for i, (x, y) in enumerate(zip(a, b, strict=True)):
        if x != y and offset <= i < offset + len(table.columns):
            yield cell_name(table.name, key, table.columns[i - offset])


def _rendered(tables: list[Table], kind: str) -> dict[str, str]:
    """Each line of the tables to the name of the first that has it."""
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
