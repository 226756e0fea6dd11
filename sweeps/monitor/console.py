"""Where commands print: a terminal as it is, anything else as plain lines of a fixed width.

Much of what they print stood in the files of a run, which anybody may have written: a log's last lines, messages, names of
hosts. So nothing is read as markup, and whatever would act on a terminal is shown instead, in this one place.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import IO

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from sspo.console.visible import visible_lines

PLAIN_WIDTH = 160
"""Columns where there is no terminal to ask."""


class SafeConsole(Console):
    """A console that prints every text as it stands, control characters as pictures of themselves."""

    def __init__(self, file: IO[str] | None = None, width: int | None = None, *, highlight: bool = True):
        super().__init__(file=file, width=width, highlight=highlight, markup=False, emoji=False)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Of what rich draws, its own control codes go through and text is made visible."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(visible_lines(segment.text), segment.style)


def standard_console() -> Console:
    """A console on standard output."""
    return SafeConsole() if sys.stdout.isatty() else SafeConsole(width=PLAIN_WIDTH, highlight=False)
