"""Help on options of a run: `sspo train --help`, `--help GROUP` and `--options`, with defaults, choices and meanings."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from sspo.config.options import TOP, Option, groups, options, shown_value
from sspo.console.spoken import spoken
from sspo.errors import unknown

WIDTH = 100
INDENT = " " * 6
HELP_WORDS = ("-h", "--help")
ALL_WORD = "--options"


def asks_for_help(words: Sequence[str]) -> bool:
    """Whether a command line asks for help instead of a run."""
    return bool({*HELP_WORDS, ALL_WORD} & set(words))


def help_text(words: Sequence[str], usage: str, group_lines: Sequence[str]) -> str:
    """Return what a command line with a word of help prints: the usage, one group's options, or all of them.

    `group_lines` say what each group may be set to as a whole. Raises UserError for an unknown group.
    """
    if ALL_WORD in words:
        return "\n".join(line for name in (TOP, *groups()) for line in _group(name))
    named = [word for word in words if not word.startswith("-") and "=" not in word]
    if named:
        known = groups()
        if named[0] not in known:
            raise unknown("group of options", named[0], known)
        return "\n".join(_group(named[0])).lstrip()
    lines = [spoken(usage), "groups, each set as a whole by its name:"]
    lines += [line for text in group_lines for line in _wrapped(text, "  ", " " * 14)]
    lines += [
        "",
        "options, one by one (--help GROUP shows them with defaults and meanings, --options shows all):",
    ]
    lines += [f"  {name + '.*':<16}{meaning.partition(chr(10))[0]}" for name, meaning in groups().items()]
    return "\n".join(lines)


def _group(name: str) -> Iterator[str]:
    """Yield the lines of a group: its meaning, then its options."""
    if name != TOP:
        yield ""
        yield f"{name}: {groups()[name].partition(chr(10))[0]}"
    for option in options():
        if option.group == name:
            yield from _option(option)


def _option(option: Option) -> Iterator[str]:
    kind = f"{option.type}, or null" if option.nullable else option.type
    yield f"  {option.key}={shown_value(option.default)}   ({kind})"
    yield from _wrapped(option.meaning, INDENT, INDENT)
    if option.choices:
        others = ", or another" if option.open else ""
        yield from _wrapped(f"Choices: {', '.join(option.choices)}{others}.", INDENT, INDENT)
    if option.fitted is not None:
        yield f"{INDENT}Models that are not embedded: {shown_value(option.fitted)}."


def _wrapped(text: str, first: str, then: str) -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=then,
        break_long_words=False,
        break_on_hyphens=False,
    )
