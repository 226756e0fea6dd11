"""`python -m analysis evaluate`: evaluations side by side, on the terminal and as a file."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sspo.errors import UserError

KINDS = (".md", ".tex", ".csv", ".html")


def add_evaluate_command(commands: Any) -> None:
    """Add the command to the subparsers of the command line."""
    asked = commands.add_parser(
        "evaluate", help="evaluations side by side, and their differences by question"
    )
    asked.add_argument(
        "paths",
        nargs="+",
        type=Path,
        metavar="FOLDER",
        help="evaluations or training runs, or results of lm-eval, lighteval, evalscope or verl; differences are to the first",
    )
    asked.add_argument(
        "--primary",
        action="append",
        default=[],
        metavar="METRIC",
        help="metric that scores an answer if a tool logs several; may be repeated",
    )
    asked.add_argument(
        "--k", metavar="1,4,8", help="the k of pass@k and maj@k (default: the samples per question)"
    )
    asked.add_argument("--partial", action="store_true", help="include the answers of unfinished evaluations")
    asked.add_argument(
        "--to", type=Path, metavar="FILE", help=f"write the tables as well: {', '.join(KINDS)}"
    )
    asked.set_defaults(run=_evaluate, out=Path())


def _evaluate(arguments: argparse.Namespace) -> int:
    ks, to = _ks(arguments.k), arguments.to
    if to is not None and to.suffix not in KINDS:
        raise UserError(f"--to writes {', '.join(KINDS)}, got {to.name}")
    from analysis.evaluations.named import read_named
    from analysis.evaluations.tables import tables
    from analysis.text.plain import to_plain

    made = tables(read_named(arguments.paths, arguments.primary, partial=arguments.partial), ks)
    print("\n".join(map(to_plain, made)), end="")
    if to is not None:
        write(made, to)
        print(f"\nwrote {to}")
    return 0


def _ks(text: str | None) -> tuple[int, ...]:
    parts = [] if text is None else text.split(",")
    if not all(part.strip().isascii() and part.strip().isdigit() and int(part) > 0 for part in parts):
        raise UserError(f"--k lists whole numbers above 0 such as 1,4,8, got '{text}'")
    return tuple(sorted({int(part) for part in parts}))


def write(made: Sequence[Any], path: Path) -> None:
    """Write tables to one file, in the format of its suffix. Raises UserError if it cannot be written."""
    from analysis.text.latex_table import to_latex
    from analysis.text.table import to_csv, to_markdown
    from sspo.runs.runlog import write_atomic

    kinds: Mapping[str, Callable[[], str]] = {
        ".md": lambda: "\n".join(map(to_markdown, made)),
        ".tex": lambda: "\n".join(map(to_latex, made)),
        ".csv": lambda: to_csv(replace(made[0], rows=tuple(row for table in made for row in table.rows))),
        ".html": lambda: _page(made),
    }
    try:
        write_atomic(path, kinds[path.suffix]())
    except OSError as error:
        raise UserError(
            f"{path} cannot be written: {error.strerror or error}; choose another file with --to"
        ) from error


def _page(made: Sequence[Any]) -> str:
    from markupsafe import Markup

    from analysis.pages.document import SCRIPT, document, style
    from analysis.pages.html_tables import table_html

    return document("Evaluations", Markup("").join(map(table_html, made)), style("page"), SCRIPT)
