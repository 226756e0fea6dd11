"""What holds of every table of every report."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from analysis.evidence.evidence import Evidence
from analysis.text.table import EMPTY, Table

MOST_WORDS = 40
BARE = re.compile(r"(?<![\w.\-/])\.\d")
"""A number without the zero before its point."""


def broken(evidence: Evidence, tables: Iterable[Table | None]) -> list[str]:
    """What breaks a law, with the table's name. Names of arms are the study's own and may be written in any way."""
    names = sorted((arm.label for arm in evidence.study.arms), key=len, reverse=True)
    return [f"{table.name}: {flaw}" for table in tables if table is not None for flaw in _flaws(table, names)]


def _flaws(table: Table, names: list[str]) -> Iterator[str]:
    caption = " ".join(table.caption)
    if len(caption.split()) > MOST_WORDS:
        yield f"a caption of {len(caption.split())} words: {caption}"
    for i, column in enumerate(table.columns):
        cells = [row.cells[i].text for row in table.rows]
        if i and all(text == EMPTY for text in cells):
            yield f"nothing in column {column}"
        said = table.qualifiers.get(column, "") + caption + " ".join(table.notes)
        if any(" ± " in text for text in cells) and "CI" not in said and "interval" not in said:
            yield f"nothing says what ± is in column {column}"
    meanings = [text for pair in table.explained for text in pair]
    shown = [cell.text for row in table.rows for cell in row.cells]
    for text in (caption, *table.heads, *table.notes, *meanings, *shown):
        for name in names:
            text = text.replace(name, "")
        if BARE.search(text):
            yield f"a number without its zero: {text}"
