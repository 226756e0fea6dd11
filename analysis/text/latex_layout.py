"""The layout of a table in a two-column paper: in one column if it fits, else over both, else in parts one
below another.

Text is never shrunk. First a heading breaks over lines if that makes its column narrower, then labels do.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from analysis.text.latex_widths import measure

INCH = 72.27
COLUMN, TEXT = 3.25 * INCH - 2, 6.75 * INCH - 2
"""Points of one column and of the text in the usual two-column styles, less the error of the estimated
widths.
"""
GAPS, LEAST_GAP = (12.0, 9.0, 6.0), 4.0
"""Points between columns, the usual ones first; then the minimum if a table must be narrow."""
NARROWEST_LABEL = 55.0
"""Points of a column of labels that break over lines."""
MOST_LABEL_LINES = 2
MOST_WORDS, WIDE_HEAD = 10, 90.0
"""The most words of a head for which all ways of breaking are tried; longer heads are filled up to a width.
"""
MOST_BROKEN_LABELS = {COLUMN: 0.5, TEXT: 1.0}
"""The share of labels in two lines up to which a table stays in one column."""
MOST_LINES_OF_A_HEAD = {COLUMN: 2, TEXT: 3}


@dataclass(frozen=True)
class LatexColumn:
    """A column's content as LaTeX: its head's words, each with the blank after it, and the width of its
    cells.
    """

    head: tuple[str, ...]
    width: float
    """Of its widest cell."""
    text: bool
    """Whether it holds words, which are left-aligned, rather than numbers."""
    halved: float = 0.0
    """Of its widest cell if intervals are below their numbers."""
    labels: tuple[tuple[str, ...], ...] = ()
    """For the first column, whose cells may break over lines: the words of each."""


@dataclass(frozen=True)
class LatexTabular:
    """One tabular: its columns, the lines of each one's head, and the points between columns."""

    columns: tuple[int, ...]
    heads: tuple[tuple[str, ...], ...]
    gap: float
    label_width: float | None = None
    """Points at which labels break over lines; None if none needs to."""
    below: bool = False
    """Whether text after a number, such as its interval, goes on a line below it."""


@dataclass(frozen=True)
class Layout:
    """In one column or over both, and the tabulars one below another."""

    wide: bool
    parts: tuple[LatexTabular, ...]


def lay_out(columns: Sequence[LatexColumn], *, narrow: bool = False) -> Layout:
    """Return the most readable layout that fits. `narrow` forces one column."""
    every = tuple(range(len(columns)))
    found = _part(columns, every, COLUMN)
    if found is None and narrow:
        found = _with_lines_below(columns, every)
    if found is not None:
        return Layout(wide=False, parts=(found,))
    width = COLUMN if narrow else TEXT
    return Layout(wide=not narrow, parts=_stacked(columns, width))


def _stacked(columns: Sequence[LatexColumn], width: float) -> tuple[LatexTabular, ...]:
    """Return as few tabulars as fit, each with the text columns with which the rows begin."""
    keys = tuple(itertools.takewhile(lambda i: i == 0 or columns[i].text, range(len(columns))))
    keys = keys if len(keys) < len(columns) else (0,)
    others = range(len(keys), len(columns))
    for count in range(1, len(others) + 1):
        cuts = [round(i * len(others) / count) for i in range(count + 1)]
        groups = [(*keys, *others[a:b]) for a, b in itertools.pairwise(cuts)]
        parts = [_part(columns, group, width) for group in groups]
        fitting = [part for part in parts if part is not None]
        if len(fitting) == len(parts):
            return tuple(fitting)
    return tuple(_narrowest(columns, (*keys, other)) for other in others)


def _part(columns: Sequence[LatexColumn], of: tuple[int, ...], width: float) -> LatexTabular | None:
    """Return the first way of setting these columns that is narrow enough: heads on several lines, smaller
    gaps, then labels on several lines.
    """
    most, most_broken = MOST_LINES_OF_A_HEAD[width], MOST_BROKEN_LABELS[width]
    for lines, gap in itertools.product(range(1, most + 1), GAPS):
        heads, widths = _headed(columns, of, lines)
        if sum(widths) + gap * (len(of) - 1) <= width:
            return LatexTabular(of, heads, gap)
    for gap in GAPS:
        heads, widths = _headed(columns, of, most)
        left = width - sum(widths[1:]) - gap * (len(of) - 1)
        those = columns[of[0]].labels
        least = max(NARROWEST_LABEL, _wide(heads[0]), _longest(those))
        lines_of = [len(filled(label, left)) for label in those]
        broken = sum(lines > 1 for lines in lines_of)
        if left >= least and max(lines_of) <= MOST_LABEL_LINES and broken <= most_broken * len(those):
            return LatexTabular(of, heads, gap, left)
    return None


def _with_lines_below(columns: Sequence[LatexColumn], of: tuple[int, ...]) -> LatexTabular | None:
    """Fit one column of a paper, with intervals below their numbers, and labels on as many lines as they
    need.
    """
    those = columns[of[0]].labels
    for lines, gap in itertools.product(range(1, MOST_LINES_OF_A_HEAD[COLUMN] + 1), (*GAPS, LEAST_GAP)):
        heads, _ = _headed(columns, of, lines)
        widths = [max(columns[i].halved, _wide(head)) for i, head in zip(of[1:], heads[1:], strict=True)]
        left = COLUMN - sum(widths) - gap * len(widths)
        if left >= max(_wide(heads[0]), _longest(those)):
            return LatexTabular(of, heads, gap, left, below=True)
    return None


def _narrowest(columns: Sequence[LatexColumn], of: tuple[int, ...]) -> LatexTabular:
    """Return the last resort: one column of numbers, and labels as narrow as possible."""
    label = max(NARROWEST_LABEL, _longest(columns[of[0]].labels))
    return LatexTabular(of, _headed(columns, of, MOST_LINES_OF_A_HEAD[TEXT])[0], GAPS[-1], label)


def _headed(
    columns: Sequence[LatexColumn], of: tuple[int, ...], lines: int
) -> tuple[tuple[tuple[str, ...], ...], list[float]]:
    """Return each column's head in at most `lines` lines, and the column's width with it."""
    heads = tuple(_broken(columns[i].head, lines, columns[i].width) for i in of)
    return heads, [max(columns[i].width, _wide(head)) for i, head in zip(of, heads, strict=True)]


def _broken(words: tuple[str, ...], lines: int, width: float) -> tuple[str, ...]:
    """Break a head into the fewest lines that are as narrow as its cells, or else into the narrowest of at
    most `lines`.
    """
    ways = sorted(_ways(words, lines), key=lambda way: (max(_wide(way), width), len(way), _wide(way)))
    return ways[0]


def _ways(words: tuple[str, ...], lines: int) -> Iterator[tuple[str, ...]]:
    if not words:
        yield ("",)
    elif len(words) > MOST_WORDS:
        yield tuple(filled(words, WIDE_HEAD))
    else:
        for count in range(1, min(lines, len(words)) + 1):
            for cuts in itertools.combinations(range(1, len(words)), count - 1):
                yield tuple(
                    "".join(words[a:b]).strip() for a, b in itertools.pairwise((0, *cuts, len(words)))
                )


def _longest(labels: Sequence[Sequence[str]]) -> float:
    """Return the width of the longest word."""
    return max((measure(word.rstrip()) for label in labels for word in label), default=0.0)


def filled(words: Sequence[str], width: float) -> list[str]:
    """Fill lines of at most `width` with words, which carry the blanks after them."""
    lines: list[str] = []
    line = ""
    for word in words:
        if line and measure((line + word).rstrip()) > width:
            lines.append(line.strip())
            line = word
        else:
            line += word
    return [*lines, line.strip()]


def _wide(lines: Sequence[str]) -> float:
    return max(map(measure, lines))
