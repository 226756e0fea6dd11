"""Output that nobody reads any more, as behind `head`: the rest is dropped, which is not an error."""

from __future__ import annotations

import os
import select
import sys
from typing import TextIO

CLOSED_PIPE = 128 + 13
"""Exit status of a program that the signal SIGPIPE ended, as shells report it."""


def nobody_reads() -> list[TextIO]:
    """Return those of standard output and error whose reader has left."""
    return [stream for stream in (sys.stdout, sys.stderr) if _has_no_reader(stream)]


def drop(streams: list[TextIO]) -> None:
    """Discard the rest of these streams; otherwise Python would complain when it ends."""
    for stream in streams:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _has_no_reader(stream: TextIO) -> bool:
    try:
        number = stream.fileno()
    except OSError:  # kept in memory
        return False
    asked = select.poll()
    asked.register(number, 0)  # errors are reported in any case
    return any(flags & (select.POLLERR | select.POLLHUP) for _, flags in asked.poll(0))
