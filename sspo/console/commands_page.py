"""docs/commands.md from the table of commands: `python -m sspo.console.commands_page > docs/commands.md`."""

from __future__ import annotations

from collections.abc import Iterator

from sspo.console.commands import COMMANDS, GROUPS, OPTION_OF

HEAD = """# Commands

Generated from `sspo/console/commands.py` (`python -m sspo.console.commands_page > docs/commands.md`).

`sspo` is one command for all that this project does. In a checkout `make setup` installs it as `.venv/bin/sspo`; `pip install`
puts it beside `python`. A checkout also has the forms of the last two columns, which do the same.

    sspo --help               every command in one line
    sspo COMMAND --help       what a command takes
    sspo train --help trainer the options of a group, with defaults and meanings
    sspo --version            the version of the package

`eval "$(sspo completion bash)"` completes commands, options, studies, arms, run folders and `key=value` words; zsh and fish work
alike (`sspo completion --help`).
"""
TAIL = """## Options and variables of make

`make` takes options as variables: `make sweep NAME=stress PRESET=smoke RETRY=1` is `sspo sweep stress --preset smoke --retry-failed`.

"""


def page() -> str:
    """Return the whole page."""
    parts = [HEAD, *(f"## {group}\n\n" + "\n".join(_table(group)) + "\n" for group in GROUPS)]
    rows = "\n".join(f"| `{variable}` | `{option}` |" for variable, option in OPTION_OF.items())
    return "\n".join(parts) + "\n" + TAIL + "| make | sspo |\n|---|---|\n" + rows + "\n"


def _table(group: str) -> Iterator[str]:
    yield "| command | purpose | make | python |"
    yield "|---|---|---|---|"
    for name, command in COMMANDS.items():
        if command.group == group:
            takes = f" {command.takes}" if command.takes else ""
            make = f"`make {name}`" if command.make else ""
            yield f"| `sspo {name}{takes}` | {command.purpose} | {make} | `python -m {command.does}` |"


if __name__ == "__main__":
    print(page(), end="")
