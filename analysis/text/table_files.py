"""The files of a table: NAME.md, NAME.tex and NAME.csv, and for some NAME_short.tex for one column of a
paper.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from analysis.text.latex_table import to_latex, to_short_latex
from analysis.text.table import Table, to_csv, to_markdown_alone
from sspo.runs.runlog import write_atomic

SHORT = "_short.tex"
RENDERED: Mapping[str, Callable[[Table], str]] = {
    ".md": to_markdown_alone,
    ".tex": to_latex,
    ".csv": to_csv,
    SHORT: to_short_latex,
}
"""Keyed by the part of a file's name after the table's name."""
USUAL = (".md", ".tex", ".csv")


def write_table(table: Table | None, folder: Path, name: str, kinds: Iterable[str] = USUAL) -> None:
    """Write the usual files, or those of `kinds`; without a table, remove those of an earlier report."""
    for kind in kinds:
        path = folder / f"{name}{kind}"
        if table is None:
            path.unlink(missing_ok=True)
        else:
            write_atomic(path, RENDERED[kind](table))


def parted(file: str) -> tuple[str, str]:
    """Split a file's name into the table that it shows and the kind of file."""
    if file.endswith(SHORT):
        return file.removesuffix(SHORT), SHORT
    name, dot, kind = file.partition(".")
    return name, dot + kind
