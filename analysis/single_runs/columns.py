"""Text in columns that fit a terminal: cut, wrapped and placed side by side by the cells that characters take
there.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from rich.cells import cell_len, chop_cells, set_cell_size

GAP = 2
WIDEST = 28
"""The most cells of a column that stands beside others."""


def fitted(text: str, width: int) -> str:
    """Return text of at most `width` cells, cut with …."""
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, max(1, width - 1)).rstrip() + "…"


def right(text: str, width: int) -> str:
    """Right-align text in a column."""
    cut = fitted(text, width)
    return " " * (width - cell_len(cut)) + cut


def left(text: str, width: int) -> str:
    """Left-align text in a column."""
    return set_cell_size(fitted(text, width), width)


def wrapped(text: str, width: int, first: str = "", rest: str = "") -> Iterator[str]:
    """Yield lines of at most `width` cells; they start with `first` and then `rest`."""
    room = max(8, width - cell_len(rest))
    start = first
    for line in text.split("\n"):
        for part in textwrap.wrap(line, room, break_on_hyphens=False) or [""]:
            for piece in chop_cells(part, room) or [""]:
                yield f"{start}{piece}".rstrip()
                start = rest


def grid(
    names: Sequence[str], heads: Sequence[str], cells: Sequence[Sequence[str]], width: int
) -> Iterator[str]:
    """Yield a table with one row per name and one column per head; columns that do not fit go below, under
    the same names.
    """
    most = min(max(map(cell_len, names), default=0), max(WIDEST, width // 2))
    widths = [
        min(WIDEST, max(cell_len(text) for text in (head, *(row[i] for row in cells))))
        for i, head in enumerate(heads)
    ]
    for start, end in _parts(widths, width - most):
        if start:
            yield ""
        for name, row in [("", heads), *zip(names, cells, strict=True)]:
            parts = [right(row[i], widths[i]) for i in range(start, end)]
            yield (" " * GAP).join([left(name, most), *parts]).rstrip()


def _parts(widths: Sequence[int], room: int) -> Iterator[tuple[int, int]]:
    """Yield ranges of columns that fit side by side, at least one each."""
    start, used = 0, 0
    for i, width in enumerate(widths):
        if i > start and used + GAP + width > room:
            yield start, i
            start, used = i, 0
        used += GAP + width
    if widths:
        yield start, len(widths)
