"""`python -m sweeps COMMAND NAME`: sweeps/commands.py has a row for each."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import NoReturn

from sspo.errors import UserError, one_sentence, unknown
from sweeps.commands import COMMANDS
from sweeps.console import standard_console
from sweeps.options import add_option


def main() -> int:
    """Parse the command line and run one command. Returns its exit status."""
    arguments = _arguments(sys.argv[1:])
    return COMMANDS[arguments.command].act(arguments, standard_console())


class _Parser(argparse.ArgumentParser):
    """Refuses in one sentence instead of a block of usage."""

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message}; `{self.prog} --help` says what there is")


def _arguments(words: Sequence[str]) -> argparse.Namespace:
    """The parsed command line. Raises UserError, with the nearest valid name for a mistyped one."""
    if words and not words[0].startswith("-") and words[0] not in COMMANDS:
        raise unknown("command", words[0], COMMANDS)
    arguments, rest = _parser().parse_known_args(words)
    for word in rest:
        if word.startswith("-"):
            raise unknown(f"option of {arguments.command}", word, COMMANDS[arguments.command].options)
        raise UserError(f"'{word}' is one word too many for `sweeps {arguments.command}`")
    return arguments


def _parser() -> _Parser:
    parser = _Parser(prog="python -m sweeps", description="Run the arms and seeds of a study.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, verb in COMMANDS.items():
        command = commands.add_parser(name, help=verb.purpose, description=verb.purpose, allow_abbrev=False)
        command.add_argument("name", metavar="NAME", help=verb.about)
        for word in verb.words:
            command.add_argument(word, metavar=word.upper())
        for option in verb.options:
            add_option(command, option)
    return parser


if __name__ == "__main__":
    sys.exit(one_sentence(main))
