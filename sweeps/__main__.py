"""`python -m sweeps COMMAND NAME`: sweeps/commands.py has one row per command."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from sspo.console import interrupts  # noqa: F401 (first, for what follows takes a second)

# isort: split
from sspo.console.command_line import Parser, parse
from sspo.console.one_sentence import one_sentence
from sspo.console.version import VERSION_WORDS, version_line
from sweeps.commands import COMMANDS
from sweeps.monitor.terminal import standard_console
from sweeps.options import add_option


def main() -> int:
    """Parse the command line and run one command. Returns its exit status."""
    arguments = _arguments(sys.argv[1:])
    return COMMANDS[arguments.command].act(arguments, standard_console())


def _arguments(words: Sequence[str]) -> argparse.Namespace:
    """Return the parsed command line. Raises UserError, with the nearest valid name for a mistyped one."""
    parser = Parser(prog="python -m sweeps", description="Plan studies, run their trials, and steer them.")
    parser.add_argument(*VERSION_WORDS, action="version", version=version_line())
    commands = parser.add_subparsers(dest="command", required=True)
    for name, verb in COMMANDS.items():
        command = commands.add_parser(name, help=verb.purpose, description=verb.purpose)
        if verb.about:
            command.add_argument("name", metavar="NAME", help=verb.about)
        for word in verb.words:
            command.add_argument(word, metavar=word.upper())
        for option in verb.options:
            add_option(command, option)
    return parse(parser, commands.choices, words)


if __name__ == "__main__":
    sys.exit(one_sentence(main))
