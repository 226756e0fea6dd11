"""Which of the operations that Python announces to audit hooks change a file or a folder."""

from __future__ import annotations

import os

CHANGES = {"os.rename": 1, "os.link": 1, "os.remove": 0, "os.mkdir": 0, "os.rmdir": 0, "os.truncate": 0}
"""Audit events that change a folder, each with which argument is the path that changes."""


def changed(event: str, arguments: tuple) -> str | None:
    """The path that an event is about to change; None where it changes nothing. Inside a deletion paths are relative."""
    if event == "open":
        path, _, flags = arguments
        return str(path) if isinstance(path, str) and flags & (os.O_WRONLY | os.O_RDWR) else None
    return os.fsdecode(arguments[CHANGES[event]]) if event in CHANGES else None
