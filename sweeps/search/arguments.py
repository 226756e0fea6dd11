"""What the command line of a search may say. Imports nothing that other commands would have to wait for."""

from __future__ import annotations

import argparse
from pathlib import Path

from sspo.compose import CONF_ROOT
from sspo.errors import UserError, unknown

FOLDER = CONF_ROOT / "search"
OPTIONS = ("--trials", "--storage", "--take-over", "--out")


def about_search(arguments: argparse.Namespace) -> bool:
    """Whether a parsed command is about a search in conf/search/. Raises UserError for a storage of something else."""
    names = [path.stem for path in FOLDER.glob("*.yaml")]
    if arguments.command == "status" and arguments.storage and arguments.name not in names:
        raise unknown("search (only searches have a --storage)", arguments.name, names)
    return arguments.command == "search" or (arguments.command == "status" and arguments.name in names)


def add_option(command: argparse.ArgumentParser, option: str) -> None:
    """Add one of OPTIONS."""
    if option == "--trials":
        text = "trials to settle in all (default: the preset's)"
        command.add_argument(option, type=_trials, metavar="N", help=text)
    elif option == "--storage":
        text = "of a search: an Optuna journal, or a database by URL (default: a journal in the store)"
        command.add_argument(option, metavar="PLACE", help=text)
    elif option == "--take-over":
        text = "go on though another machine, known to be gone, holds the search"
        command.add_argument(option, action="store_true", help=text)
    else:
        text = "the journal to write (default: one in the store)"
        command.add_argument(option, type=Path, metavar="FILE", help=text)


def _trials(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise UserError(f"--trials must be a whole number of at least 1, got '{text}'")
    return number
