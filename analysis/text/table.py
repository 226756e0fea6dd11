"""One table, three renderings for files (analysis.pages.html_tables has a fourth). A cell shows rounded text and carries the unrounded numbers behind it."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from analysis.logs.trace import Trace
from analysis.text.escape import csv_field, latex, markdown
from sspo.runs.runlog import write_atomic


@dataclass(frozen=True)
class Cell:
    """Text to show, and named numbers for the data file."""

    text: str
    data: Mapping[str, float | int | str | None] = field(default_factory=dict)
    bold: bool = False
    trace: Trace | None = None
    """Where it comes from; None for text of the study's manifest."""


@dataclass(frozen=True)
class Row:
    """Cells of one line; rows of different groups are parted by a rule."""

    group: str
    cells: tuple[Cell, ...]
    name: str = ""
    """What tells it from other rows where its first cell does not."""

    @property
    def key(self) -> str:
        """What the row is called: its name, else the arm, else the text of its first cell."""
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
    """What a page calls the table; its name where empty."""
    caption_trace: Trace | None = None
    """What the numbers in the caption and the notes rest on."""
    notes: tuple[str, ...] = ()
    """How to read it, where the caption is too short for that: folded on the page, notes below it in print."""
    meanings: Mapping[str, str] = field(default_factory=dict)
    """Column to what it is, where its heading does not say so."""
    common: tuple[str, ...] = ()
    """What is true of the whole report: a page says it once, a file that goes alone says it in its notes."""


def decimals(value: float) -> int:
    """Two significant digits for small numbers, one decimal from 10 on: clip rates span 0.01 to 40 %."""
    if value == 0 or abs(value) >= 10:
        return 1
    return max(2, 1 - math.floor(math.log10(abs(value))))


FITTED = "\\ifdim\\wd2>\\linewidth\\resizebox{\\linewidth}{!}{\\box2}\\else\\box2\\fi"


def _breaks(table: Table) -> list[tuple[Row, bool]]:
    groups = [row.group for row in table.rows]
    return [(row, i > 0 and groups[i - 1] != row.group) for i, row in enumerate(table.rows)]


def to_markdown(table: Table) -> str:
    """GitHub Markdown with the caption below."""
    lines = [
        "| " + " | ".join(markdown(c) for c in table.columns) + " |",
        "|:--" + "|--:" * (len(table.columns) - 1) + "|",
    ]
    for row, parted in _breaks(table):
        if parted and row.group in table.headings:
            heading = f"*{markdown(table.headings[row.group])}*"
            lines.append("| " + " | ".join([heading] + [""] * (len(table.columns) - 1)) + " |")
        lines.append(_markdown_row(row))
    return "\n".join(lines) + "\n\n" + markdown(" ".join(table.caption)) + "\n"


def marked(text: str, cell: Cell, bold: str) -> str:
    """Escaped text as the cell's emphasis has it."""
    return bold.format(text) if cell.bold else text


def _markdown_row(row: Row) -> str:
    cells = [marked(markdown(c.text), c, "**{}**") for c in row.cells]
    return "| " + " | ".join(cells) + " |"


def to_latex(table: Table) -> str:
    """A booktabs table float that shrinks to the line where it is wider; needs \\usepackage{booktabs,graphicx} alone."""
    width = len(table.columns)
    lines = [
        "\\begin{table}[t]",
        "\\centering\\small",
        "\\caption{" + " ".join(latex(sentence) for sentence in table.caption) + "}",
        "\\label{tab:" + table.name + "}",
        "\\smallskip",
        "\\setbox2\\hbox{%",
        "\\begin{tabular}{l" + "r" * (width - 1) + "}",
        "\\toprule",
        _latex_line([latex(c) for c in table.columns]),
        "\\midrule",
    ]
    for row, parted in _breaks(table):
        if parted:
            lines.append("\\midrule")
            if row.group in table.headings:
                heading = latex(table.headings[row.group])
                lines.append(f"\\multicolumn{{{width}}}{{l}}{{\\footnotesize\\emph{{{heading}}}}} \\\\")
        lines.append(_latex_row(row))
    end = ["\\bottomrule", "\\end{tabular}}%", FITTED, "\\end{table}"]
    return "\n".join([*lines, *end]) + "\n"


def _latex_row(row: Row) -> str:
    return _latex_line([marked(latex(c.text), c, "\\textbf{{{}}}") for c in row.cells])


def _latex_line(cells: list[str]) -> str:
    """Begins with an empty group: after `\\\\` a label's own `[` or `*` would be an argument."""
    return "{}" + " & ".join(cells) + " \\\\"


def to_csv(table: Table) -> str:
    """Unrounded numbers, with n and interval columns; empty where there is no number."""
    rows = [{"group": r.group, **{k: v for c in r.cells for k, v in c.data.items()}} for r in table.rows]
    header = list(dict.fromkeys(key for row in rows for key in row))
    stream = io.StringIO()
    writer = csv.DictWriter(stream, header, restval="", lineterminator="\n")
    writer.writerow({key: csv_field(key) for key in header})
    writer.writerows({key: csv_field(value) for key, value in row.items()} for row in rows)
    return stream.getvalue()


def row_lines(table: Table, kind: str) -> list[str]:
    """The line that each row is in a rendering, md or tex."""
    return [{"md": _markdown_row, "tex": _latex_row}[kind](row) for row in table.rows]


RENDERED: Mapping[str, Callable[[Table], str]] = {"md": to_markdown, "tex": to_latex, "csv": to_csv}


def write_table(table: Table | None, folder: Path, name: str, kinds: Iterable[str] = tuple(RENDERED)) -> None:
    """Write name.md, name.tex and name.csv, or those of `kinds`; without a table, remove those that an earlier report left."""
    for suffix in kinds:
        render = RENDERED[suffix]
        path = folder / f"{name}.{suffix}"
        if table is None:
            path.unlink(missing_ok=True)
        else:
            write_atomic(path, render(table))
