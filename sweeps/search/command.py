"""The commands of searches, from parsed arguments to an exit status."""

from __future__ import annotations

import argparse

from rich.console import Console

from sweeps.control.sweep import RunOptions
from sweeps.search.arguments import folders
from sweeps.search.load import load
from sweeps.search.run import SearchOptions, run_search, show_search_status
from sweeps.study.spec import DEFAULT_PRESET


def run_command(arguments: argparse.Namespace, console: Console) -> int:
    """Run `search`, or `status` of a search. Returns its exit status."""
    spec, preset = load(folders(), arguments.name), arguments.preset or DEFAULT_PRESET
    if arguments.command == "status":
        return show_search_status(spec, preset, arguments.store, arguments.storage, console)
    options = SearchOptions(
        runs=RunOptions(workers=arguments.workers, timeout=arguments.timeout),
        trials=arguments.trials,
        storage=arguments.storage,
        take_over=arguments.take_over,
    )
    return run_search(spec, preset, arguments.store, options, console)
