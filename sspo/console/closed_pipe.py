"""Output that nobody reads any more, as behind `head`: what was still to be said is dropped, and that is no error."""

from __future__ import annotations

import os
import select
import sys
from typing import TextIO

CLOSED_PIPE = 128 + 13
"""Exit status, as shells say it of a program that the signal SIGPIPE ended."""


def nobody_reads() -> list[TextIO]:
    """Those of standard output and error whose reader has left."""
    return [stream for stream in (sys.stdout, sys.stderr) if _has_no_reader(stream)]


def drop(streams: list[TextIO]) -> None:
    """Let what is left in them go nowhere; else Python would complain of it as it ends."""
    for stream in streams:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _has_no_reader(stream: TextIO) -> bool:
    try:
        number = stream.fileno()
    except OSError:  # kept in memory
        return False
    asked = select.poll()
    asked.register(number, 0)  # errors are told unasked
    return any(flags & (select.POLLERR | select.POLLHUP) for _, flags in asked.poll(0))
