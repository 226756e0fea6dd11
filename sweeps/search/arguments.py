"""Recognizes commands about a search. Imports nothing slow, because every command imports it."""

from __future__ import annotations

import argparse
from pathlib import Path

from sspo.config.places import conf_folders
from sspo.errors import unknown
from sweeps.study.spec_file import spec_names


def folders() -> tuple[Path, ...]:
    """Return the folders that searches are looked up in."""
    return conf_folders("search")


def about_search(arguments: argparse.Namespace) -> bool:
    """Return whether a parsed command is about a search in conf/search/. Raises UserError for --storage with any other name."""
    names = spec_names(folders())
    if arguments.command == "status" and arguments.storage and arguments.name not in names:
        raise unknown("search (only searches have a --storage)", arguments.name, names)
    return arguments.command == "search" or (arguments.command == "status" and arguments.name in names)
