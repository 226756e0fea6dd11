"""`python -m analysis run`: runs side by side on the terminal and as a page."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from typing import Any

from sspo.errors import UserError

DEFAULT_SAMPLES = 2


def add_run_command(commands: Any) -> None:
    """Add the command to the subparsers of the command line."""
    asked = commands.add_parser("run", help="single runs side by side (`python -m sweeps runs` lists them)")
    asked.add_argument(
        "runs",
        nargs="+",
        metavar="RUN",
        help="a run folder, a cell's folder, a metrics.jsonl, or STUDY:ARM[:SEED]",
    )
    asked.add_argument(
        "--samples",
        type=int,
        default=DEFAULT_SAMPLES,
        metavar="N",
        help=f"sampled responses per run (default: {DEFAULT_SAMPLES})",
    )
    asked.add_argument("--page", type=Path, metavar="FILE", help="also write a page with curves (.html)")
    asked.add_argument(
        "--preset", help="preset of the study in STUDY:ARM:SEED (default: the one planned last)"
    )
    asked.add_argument("--store", type=Path, default=Path("runs"), help="run store (default: runs)")
    asked.set_defaults(run=_run, out=Path())


def _run(arguments: argparse.Namespace) -> int:
    _check(arguments)
    width = shutil.get_terminal_size().columns
    from analysis.single_runs.find import find

    folders = find(arguments.runs, arguments.store, arguments.preset)
    from analysis.single_runs.read import read_runs
    from analysis.single_runs.terminal import as_text

    runs = read_runs(folders)
    _print(as_text(runs, width, samples=arguments.samples, encoding=_encoding()))
    if arguments.page is not None:
        from analysis.single_runs.page import write_page

        write_page(runs, arguments.page)
        print(f"\nwrote {arguments.page}")
    return 0


def _encoding() -> str:
    return sys.stdout.encoding or "ascii"


def _print(text: str) -> None:
    """Print text, with escapes for characters that the terminal cannot show."""
    print(text.encode(_encoding(), "backslashreplace").decode(_encoding()), end="")


def _check(arguments: argparse.Namespace) -> None:
    if arguments.samples < 0:
        raise UserError(f"--samples must be 0 or more, got {arguments.samples}")
    if arguments.page is not None and arguments.page.suffix != ".html":
        raise UserError(f"--page writes an .html file, got {arguments.page.name}")
