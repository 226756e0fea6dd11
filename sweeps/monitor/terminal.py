"""Where commands print, and durations and lists as people say them.

A terminal is printed to as it is, anything else as plain lines of a fixed width. Much of what commands print stood in the
files of a run, which anybody may have written: a log's last lines, messages, names of hosts. So nothing is read as markup,
and whatever would act on a terminal is shown instead, in this one place.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import IO, Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from sspo.console.spoken import spoken
from sspo.console.visible import visible_lines

PLAIN_WIDTH = 160
"""Columns where there is no terminal to ask."""


class SafeConsole(Console):
    """A console that prints every text as it stands, control characters as pictures of themselves."""

    def __init__(self, file: IO[str] | None = None, width: int | None = None, *, highlight: bool = True):
        super().__init__(file=file, width=width, highlight=highlight, markup=False, emoji=False)

    def print(self, *objects: Any, **settings: Any) -> None:
        """Print as rich does; texts name commands as the user types them."""
        super().print(*(_spoken(one) for one in objects), **settings)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Of what rich draws, its own control codes go through and text is made visible."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(visible_lines(segment.text), segment.style)


def _spoken(printed: Any) -> Any:
    if isinstance(printed, str):
        return spoken(printed)
    if isinstance(printed, Text) and not printed.spans and spoken(printed.plain) != printed.plain:
        return Text(spoken(printed.plain), style=printed.style)
    return printed


def standard_console() -> Console:
    """A console on standard output."""
    return SafeConsole() if sys.stdout.isatty() else SafeConsole(width=PLAIN_WIDTH, highlight=False)


def duration(seconds: float | None) -> str:
    """`unknown`, `42 s`, `3 min 20 s` or `2 h 05 min`."""
    if seconds is None:
        return "unknown"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def listed(sentences: Sequence[str]) -> str:
    """The first, and how many more there are."""
    rest = len(sentences) - 1
    return sentences[0] + (f"; and {rest} more" if rest else "")
