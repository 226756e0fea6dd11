"""`sspo COMMAND ...`: one command for all that this project does. sspo/console/commands.py has one row per command.

A command runs in this process, as `python -m MODULE` would. The folder of `sweeps` and `analysis` comes first on the
path of this process and of those that it starts.
"""

from __future__ import annotations

import os
import runpy
import sys

from sspo.console import interrupts  # noqa: F401 (first, for what follows takes a second)

# isort: split
from sspo.config.places import app_root
from sspo.console.commands import COMMANDS, GROUPS
from sspo.console.one_sentence import one_sentence
from sspo.console.spoken import speak_as
from sspo.console.version import VERSION_WORDS, version_line
from sspo.errors import UserError, unknown

HELP_WORDS = ("--help", "-h", "help")


def main() -> int:
    """Run one command of `sspo`. Returns its exit status."""
    return one_sentence(_main)


def _main() -> int:
    words = sys.argv[1:]
    if not words:
        print(usage())
        return 2
    name, *rest = words
    if name in VERSION_WORDS:
        print(version_line())
        return 0
    if name in HELP_WORDS:
        if name != "help" or not rest:
            print(usage())
            return 0
        name, rest = rest[0], ["--help"]
    if name.startswith("-"):
        raise UserError(f"'{name}' is not an option of sspo: begin with a command; `sspo --help` lists them")
    if name not in COMMANDS:
        raise unknown("command", name, COMMANDS)
    return _run(name, rest)


def _run(name: str, rest: list[str]) -> int:
    """Run a command as `python -m` would run its module."""
    command = COMMANDS[name]
    _put_first(str(app_root()))
    speak_as(name, command)
    sys.argv[1:] = [*command.words, *rest]
    try:
        runpy.run_module(command.module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        raise
    return 0


def _put_first(folder: str) -> None:
    """Put a folder first on the path of imports, here and in processes that this one starts."""
    sys.path[:] = [folder, *(place for place in sys.path if place != folder)]
    others = [
        place for place in os.environ.get("PYTHONPATH", "").split(os.pathsep) if place not in ("", folder)
    ]
    os.environ["PYTHONPATH"] = os.pathsep.join([folder, *others])


def usage() -> str:
    """Return the text of `sspo --help`."""
    width = max(map(len, COMMANDS)) + 2
    lines = ["usage: sspo COMMAND ...", "", "Plan, train and report ablations of RLVR objectives."]
    for group in GROUPS:
        lines += ["", group]
        lines += [
            f"  {name:<{width}}{command.purpose}"
            for name, command in COMMANDS.items()
            if command.group == group
        ]
    return "\n".join(
        [*lines, "", "sspo COMMAND --help explains a command; sspo --version prints the version."]
    )


if __name__ == "__main__":
    sys.exit(main())
