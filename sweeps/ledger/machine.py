"""The identity of this machine, and whether a process on it still runs. Nothing here reads a clock that can be set."""

from __future__ import annotations

import functools
import os
import socket
from pathlib import Path

import psutil  # type: ignore[import-untyped]

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
PID_NAMESPACE = Path("/proc/self/ns/pid")
STATE, START = 0, 19
"""Fields of /proc/<pid>/stat after the command's name: the state, and ticks from boot to the process's start."""


@functools.cache
def this_machine() -> str:
    """Return a name that two processes share only if each can see the other: host, boot, pid namespace and user."""
    boot = BOOT_ID.read_text().strip() if BOOT_ID.is_file() else ""
    namespace = os.readlink(PID_NAMESPACE) if PID_NAMESPACE.exists() else ""
    return "/".join((socket.gethostname(), boot, namespace, str(os.getuid())))


def start_of(pid: int) -> str | None:
    """Return a text that distinguishes a process from a later one with its pid; None if it does not run (a zombie does not).

    On Linux it is the start time in ticks since boot: a time since the epoch would move with the clock.
    """
    if not BOOT_ID.is_file():
        return _start_elsewhere(pid)
    try:
        fields = (
            Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        )
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[STATE] in "ZX" else fields[START]


def _start_elsewhere(pid: int) -> str | None:
    try:
        process = psutil.Process(pid)
        over = process.status() == psutil.STATUS_ZOMBIE
        return None if over else str(process.create_time())
    except psutil.NoSuchProcess:
        return None


def resident_bytes(pid: int) -> int:
    """Return the resident bytes of a process and its descendants; 0 if it is gone."""
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    return sum(map(_resident, family))


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0
