"""The reason why a trial ended, as a name and a sentence; a pure function of exit status and log."""

from __future__ import annotations

import re
import signal

TAIL_LINES = 20
LONGEST = 300
"""Maximum number of characters of a log line that a message repeats."""
SPACE = re.compile(r"No space left on device|Disk quota exceeded|errno(=| )(28|122)\b", re.IGNORECASE)
MEMORY = re.compile(r"MemoryError|OutOfMemory|out of memory|cannot allocate memory|\boom\b", re.IGNORECASE)


def log_tail(log: str) -> str:
    """Return the last lines of a log."""
    return "\n".join(log.splitlines()[-TAIL_LINES:])


def no_space(text: str) -> bool:
    """Return whether a message or a log reports a full disk."""
    return SPACE.search(text) is not None


def why_failed(status: int, tail: str, timed_out_after: float | None) -> tuple[str, str]:
    """Return (reason, message) for a trial that left no marker. `status` is negative if a signal ended it, as in subprocess.

    `timed_out_after` is the limit in seconds if the pool itself stopped the trial.
    """
    if timed_out_after is not None:
        return "timeout", f"stopped by the sweep after its limit of {timed_out_after:g} s"
    memory = MEMORY.search(tail)
    if status < 0:
        return _why_signalled(_signal_name(-status), memory is not None)
    if memory is not None:
        return "oom", f"exited with status {status}; the log ends in '{memory.group()}'"
    if status == 0:
        return "error", "exited with status 0 but left no DONE.json"
    last = tail.strip().splitlines()[-1:]
    return "error", f"exited with status {status}" + "".join(f": {line[:LONGEST]}" for line in last)


def _why_signalled(name: str, mentions_memory: bool) -> tuple[str, str]:
    if name == "SIGKILL" and mentions_memory:
        return "oom", "killed by SIGKILL after its log mentioned memory: most likely out of memory"
    if name == "SIGKILL":
        return (
            "killed",
            "killed by SIGKILL; its log does not show why (the kernel does this when memory runs out)",
        )
    return "killed", f"killed by {name}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
