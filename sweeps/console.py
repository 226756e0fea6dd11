"""Where commands print: a terminal as it is, anything else as plain lines of a fixed width."""

from __future__ import annotations

import sys

from rich.console import Console

PLAIN_WIDTH = 160
"""Columns where there is no terminal to ask."""


def standard_console() -> Console:
    """A console on standard output."""
    return Console() if sys.stdout.isatty() else Console(width=PLAIN_WIDTH, highlight=False)
