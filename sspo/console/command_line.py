"""Command lines of several words: refused in one sentence with the nearest valid word, never in a block of usage."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from sspo.console.spoken import given, prog, spoken
from sspo.errors import UserError, unknown


class Parser(argparse.ArgumentParser):
    """A parser that refuses in one sentence and takes no abbreviated option."""

    def __init__(self, *words: Any, **settings: Any):
        super().__init__(*words, **{"allow_abbrev": False, **settings})
        self.prog = prog(self.prog)

    def add_argument(self, *names: Any, **settings: Any) -> argparse.Action:
        """Add an argument, without help if `sspo` gives it already."""
        if set(names) & given():
            settings["help"] = argparse.SUPPRESS
        return super().add_argument(*names, **settings)

    def format_help(self) -> str:
        """Return the help with commands as the user types them."""
        return spoken(super().format_help())

    def error(self, message: str) -> NoReturn:
        """Raise UserError instead of ending the process."""
        raise UserError(f"{message}; `{self.prog} --help` lists what it takes")


def parse(
    parser: Parser, commands: Mapping[str, argparse.ArgumentParser], words: Sequence[str]
) -> argparse.Namespace:
    """Return the parsed words of `COMMAND ...`, with the command's name as `command`.

    Raises UserError, with the nearest valid name for a mistyped one.
    """
    if words and not words[0].startswith("-") and words[0] not in commands:
        raise unknown("command", words[0], commands)
    arguments, rest = parser.parse_known_args(words)
    for word in rest:
        if word.startswith("-"):
            own = commands[arguments.command]
            options = [name for action in own._actions for name in action.option_strings]
            raise unknown(f"option of {arguments.command}", word, options)
        raise UserError(f"'{word}' is one word too many for `{parser.prog} {arguments.command}`")
    return arguments
