"""Tools of every process in the chaos test: notes outside the store, a wrong clock, and a record of violations.

On the standard library alone, so that a stub starts at once. All of it is in SCRATCH, which the test never damages:

    clock       seconds by which wall clocks are wrong      progress    one byte per step of a stub
    allowance   steps that stubs may take in all            starts      one cell per line
    standing/   pids of real trials that wait for a kill    finishes    one cell per line
    go          ends their wait once it exists              wrong       events that must never happen
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from typing import IO

PROGRESS, ALLOWANCE, CLOCK, GO, STANDING = "progress", "allowance", "clock", "go", "standing"
STARTS, FINISHES, WRONG = "starts", "finishes", "wrong"


def note(path: Path, line: str) -> None:
    """Append a line in one write."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(descriptor, f"{line}\n".encode())
    finally:
        os.close(descriptor)


def begin(scratch: Path, folder: Path) -> IO[str]:
    """Note that the trial of a run folder starts, and whether it may. Keep the returned value until it ends."""
    name = folder.parent.name
    alone = (scratch / f"{name}.alone").open("w")
    try:
        fcntl.flock(alone, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        note(scratch / WRONG, f"{name} ran beside itself")
    if (folder / "DONE.json").exists():
        note(scratch / WRONG, f"{name} ran after it was done")
    note(scratch / STARTS, name)
    return alone


def progress(scratch: Path) -> int:
    """Return the total number of steps of stubs."""
    path = scratch / PROGRESS
    return path.stat().st_size if path.exists() else 0


def number(path: Path) -> int:
    """Return the number in a file; 0 while it is being written."""
    return int(path.read_text() or 0)


def set_the_clock_wrong(scratch: Path) -> None:
    """From now on, shift this process's wall clock by the current value in SCRATCH."""
    right = time.time
    time.time = lambda: right() + number(scratch / CLOCK)
