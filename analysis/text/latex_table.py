"""A table as a LaTeX float at 8 pt, in one column or over both, with how to read it in notes below."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from analysis.text.escape import latex
from analysis.text.latex_layout import LatexColumn, LatexTabular, Layout, filled, lay_out
from analysis.text.latex_numbers import aligned
from analysis.text.latex_widths import measure
from analysis.text.table import EMPTY, Row, Table, breaks

SIZE = "\\fontsize{8}{9.6}\\selectfont\\frenchspacing"
SHORT = re.compile(r"average|reference|difference( to .*)?|p( \(Holm\))?|n")
"""Columns of the short form."""
LONGEST_TEXT = 100.0
"""Points of a cell of words, other than labels, before it breaks over lines."""
LONGEST_WORD = 90.0
"""Points of a word before it may break, after a mark or anywhere."""
MANY_GROUPS = 4
"""With at least this many groups, a small space separates them instead of a rule."""
_BLANKS = re.compile(r"\s+(?!%(?:\s|$))")
_WORDS = re.compile(r"[^/_=,.:;-]*[/_=,.:;-]+|[^/_=,.:;-]+")
_SIGNS = re.compile(r"(?<=\\rangle\$)")
"""The position after a sign that is named by its code: a character may consist of several."""
_NUMERIC = re.compile(r"\s*[<>(\[]?\s*[+−-]?[.\d]")
_SPREAD = re.compile(r"([^\s\[]+) (± \S+|\[[^\]]*\])(.*)")
_MARK = re.compile(r"(\S{1,2}): ")


def to_latex(table: Table) -> str:
    """Return the float; it needs only \\usepackage{booktabs,threeparttable}."""
    found = _Float(table)
    return found.text(lay_out(found.columns), table.name)


def to_short_latex(table: Table) -> str:
    """Return the float for one column: the findings, with only the notes on marks and on the whole report."""
    found = _Float(shortened(table))
    return found.text(lay_out(found.columns, narrow=True), f"{table.name}_short")


def shortened(table: Table) -> Table:
    """Return the columns with the findings and the notes that they need, without groups that have a heading
    of their own.
    """
    columns = [0, *(i for i, name in enumerate(table.columns) if i and SHORT.fullmatch(name))]
    rows = tuple(
        replace(row, cells=tuple(row.cells[i] for i in columns))
        for row in table.rows
        if row.group not in table.headings
    )
    shown = " ".join(cell.text for row in rows for cell in row.cells).split()
    marks = [note for note in table.notes if (mark := _MARK.match(note)) and mark[1] in shown]
    return replace(
        table,
        columns=tuple(table.columns[i] for i in columns),
        rows=tuple(row for row in rows if any(cell.text not in ("", EMPTY) for cell in row.cells[1:])),
        notes=tuple(marks),
        meanings={},
    )


def latex_lines(table: Table, *, narrow: bool = False) -> Iterator[tuple[str, int, tuple[str, ...]]]:
    """Yield each line that shows a row, with the row's number and its columns."""
    found = _Float(table)
    for part in lay_out(found.columns, narrow=narrow).parts:
        columns = tuple(table.columns[c] for c in part.columns)
        for i in range(len(table.rows)):
            for line in found.row(i, part):
                yield line, i, columns


@dataclass(frozen=True)
class _Float:
    """A table being rendered to LaTeX."""

    table: Table

    @cached_property
    def _texts(self) -> list[list[str]]:
        return [[row.cells[i].text for row in self.table.rows] for i in range(len(self.table.columns))]

    @cached_property
    def _cells(self) -> list[list[str]]:
        """By column, the text of its rows."""
        return [
            [breakable(text) for text in of] if i == 0 or _of_words(of) else aligned(of)
            for i, of in enumerate(self._texts)
        ]

    @cached_property
    def _halves(self) -> list[tuple[list[str], list[str]]]:
        """By column, the text of its rows in two halves: the number, and what goes on the line below it."""
        parted = [[_half(text) for text in of] for of in self._texts]
        return [(aligned([a for a, _ in of]), aligned([b for _, b in of])) for of in parted]

    @cached_property
    def columns(self) -> list[LatexColumn]:
        """Return what each column has to hold."""
        found = []
        for i, (head, cells, texts) in enumerate(
            zip(self.table.heads, self._cells, self._texts, strict=True)
        ):
            bold = any(row.cells[i].bold for row in self.table.rows)
            width, halved = (
                max((measure(cell, bold=bold) for cell in those), default=0.0)
                for those in (cells, [*self._halves[i][0], *self._halves[i][1]])
            )
            words = i == 0 or _of_words(texts)
            labels = tuple(tuple(words_of(text)) for text in texts) if i == 0 else ()
            width = min(width, LONGEST_TEXT) if words and i else width
            found.append(LatexColumn(tuple(words_of(head)), width, words, halved, labels))
        return found

    def text(self, layout: Layout, name: str) -> str:
        """Return the whole file; `name` is the label in a paper."""
        kind = "table*" if layout.wide else "table"
        place = "a text 6.75 in wide" if layout.wide else "a column 3.25 in wide"
        caption = " ".join(map(breakable, self.table.caption))
        lines = [
            f"% needs \\usepackage{{booktabs,threeparttable}}; 8 pt, made for {place}",
            f"\\begin{{{kind}}}[t]",
            "\\sloppy",
            f"\\caption{{{caption}}}",
            f"\\label{{tab:{name}}}",
            "\\smallskip",
            SIZE,
            "\\begin{threeparttable}",
        ]
        for i, part in enumerate(layout.parts):
            lines += ["\\medskip"] * (i > 0) + self._tabular(part)
        return "\n".join([*lines, *self._notes(), "\\end{threeparttable}", f"\\end{{{kind}}}"]) + "\n"

    def _tabular(self, part: LatexTabular) -> list[str]:
        lines = [
            f"\\setlength{{\\tabcolsep}}{{{part.gap / 2:g}pt}}%",
            f"\\begin{{tabular*}}{{\\linewidth}}{{{self._format(part)}}}",
            "\\toprule",
            *self._head(part),
            "\\midrule",
        ]
        groups = breaks(self.table)
        many = sum(parted for _, parted in groups) >= MANY_GROUPS
        for i, (row, parted) in enumerate(groups):
            if parted:
                lines.append("\\addlinespace" if many else "\\midrule")
                lines += self._heading(row, len(part.columns))
            lines += self.row(i, part)
        return [*lines, "\\bottomrule", "\\end{tabular*}"]

    def _format(self, part: LatexTabular) -> str:
        """Return the column format: numbers end at the right, words begin at the left; columns share the rest
        of the line.
        """
        kinds = []
        for column in (self.columns[i] for i in part.columns):
            broken = LONGEST_TEXT if column.text and column.width >= LONGEST_TEXT else None
            broken = (None if part.below else part.label_width) if column.labels else broken
            kinds.append(f"p{{{broken:.1f}pt}}" if broken else "l" if column.text else "r")
        return "@{\\extracolsep{\\fill}}" + "".join(kinds) + "@{}"

    def _head(self, part: LatexTabular) -> list[str]:
        """Return the heads of columns, as many lines as the longest needs, flush with the rule below."""
        most = max(map(len, part.heads))
        raised = [("",) * (most - len(head)) + head for head in part.heads]
        return [_line([head[i] for head in raised]) for i in range(most)]

    def _heading(self, row: Row, width: int) -> list[str]:
        """Return a line above a group, which does not affect column widths."""
        if row.group not in self.table.headings:
            return []
        words = rf"\emph{{{breakable(self.table.headings[row.group])}}}"
        box = rf"\makebox[0pt][l]{{\parbox[t]{{\linewidth}}{{\raggedright {words}\strut}}}}"
        return [rf"\multicolumn{{{width}}}{{@{{}}l}}{{{box}}} \\"]

    def row(self, number: int, part: LatexTabular) -> list[str]:
        """Return the lines of one row in a tabular."""
        if part.below:
            return self._lines(number, part)
        cells = []
        for place, i in enumerate(part.columns):
            text, bold = self._cells[i][number], self.table.rows[number].cells[i].bold
            limit = part.label_width if place == 0 else LONGEST_TEXT if self.columns[i].text else None
            broken = limit is not None and measure(text, bold=bold) > limit
            text = _marked(text, bold=bold)
            cells.append(rf"{{\raggedright {text}\par}}" if broken else text)
        return [_line(cells)]

    def _lines(self, number: int, part: LatexTabular) -> list[str]:
        """Return a row with intervals below their numbers, and a little room below it."""
        assert part.label_width is not None, "labels have the room that numbers leave"
        columns = [filled(self.columns[part.columns[0]].labels[number], part.label_width)]
        for i in part.columns[1:]:
            bold = self.table.rows[number].cells[i].bold
            columns.append([_marked(half[number], bold=bold) for half in self._halves[i] if half[number]])
        lines = [_line(cells) for cells in itertools.zip_longest(*columns, fillvalue="")]
        return [*lines[:-1], f"{lines[-1]}[2pt]"]

    def _notes(self) -> list[str]:
        """Return how to read it: a paragraph on the table, one on its columns, one on the whole report."""
        meant = [
            f"\\emph{{{breakable(name)}}}: {breakable(meaning)}" for name, meaning in self.table.explained
        ]
        said = (
            breakable(" ".join(self.table.notes)),
            " ".join(meant),
            breakable(" ".join(self.table.common)),
        )
        items = [f"\\item[] {paragraph}" for paragraph in said if paragraph]
        return ["\\begin{tablenotes}[flushleft]", SIZE, *items, "\\end{tablenotes}"] if items else []


def words_of(text: str) -> list[str]:
    """Return a text's words as LaTeX, each with the blank after it; a long one in pieces that lines may break
    between.

    A percent sign stays with its number.
    """
    found = []
    for word in filter(None, _BLANKS.split(text.strip())):
        whole = latex(word).replace(r" \%", r"~\%")
        short = measure(whole) <= LONGEST_WORD
        pieces = [whole] if short else [piece for part in _WORDS.findall(word) for piece in _pieces(part)]
        found += [*pieces[:-1], f"{pieces[-1]} "]
    return found


def _pieces(word: str) -> list[str]:
    """Split a word into as few short pieces as possible."""
    found = [""]
    for sign in (sign for character in word for sign in _SIGNS.split(latex(character))):
        if found[-1] and measure(found[-1] + sign) > LONGEST_WORD:
            found.append("")
        found[-1] += sign
    return found


def breakable(text: str) -> str:
    """Return a text as LaTeX with long words that may break over lines."""
    return "".join(
        word if word.endswith(" ") else rf"{word}\allowbreak{{}}" for word in words_of(text)
    ).rstrip()


def _half(text: str) -> tuple[str, str]:
    """Split a cell into a number with its mark, and the text after it."""
    found = _SPREAD.fullmatch(text)
    return (text, "") if found is None else (found[1] + found[3], found[2])


def _marked(text: str, *, bold: bool) -> str:
    return rf"\textbf{{{text}}}" if bold else text


def _of_words(texts: Sequence[str]) -> bool:
    """Return whether most of a column's text is words."""
    shown = [text for text in texts if text not in ("", EMPTY)]
    return 2 * sum(_NUMERIC.match(text) is None for text in shown) > len(shown)


def _line(cells: Sequence[str]) -> str:
    """Join cells into a line that begins with an empty group: after `\\\\` a label's own `[` or `*` would be
    an argument.
    """
    return "{}" + " & ".join(cells) + " \\\\"
