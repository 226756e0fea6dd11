"""The process between a trial and its job in place: it ends everything that the job started, whoever dies first.

Run as a file, with the arguments LOG LOCK COMMAND...: it imports nothing of this project. It starts the command in a session of its
own, and becomes the parent of orphans below it, so that Ray's daemons stay its descendants. It stops the job on SIGTERM, and when
the process that started it is gone; it ends with the job's exit status, once nothing of it is left.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType

import psutil  # type: ignore[import-untyped]

LOOKS = 0.1
"""Seconds between two looks at the job and at the parent."""
GRACE = 10.0
"""Seconds for a job that is stopped to end by itself."""
SIGNALED = 128
"""The exit status of a process that a signal ended is this and the signal's number, as a shell says it."""
ORPHANS_ARE_MINE, DIE_WITH_PARENT = 36, 1
"""PR_SET_CHILD_SUBREAPER and PR_SET_PDEATHSIG of Linux."""


class Stop(BaseException):
    """SIGTERM or SIGINT."""


def main(log: Path, lock: Path, command: list[str]) -> int:
    """Run the command to its end, or until this process or its parent is stopped; return its exit status."""
    parent = os.getppid()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, _stop)
    prctl = _prctl()
    prctl(ORPHANS_ARE_MINE, 1, 0, 0, 0)
    handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
    with suppress(OSError):  # a file system without locks
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    status, job = 1, None
    try:
        with log.open("ab") as stream:
            job = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                start_new_session=True,
                preexec_fn=lambda: prctl(DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0),  # safe: no threads here
            )
        while (found := job.poll()) is None and os.getppid() == parent:
            time.sleep(LOOKS)
        if found is None:
            _ask(job)
        status = job.wait()
    except Stop:
        if job is not None:
            _ask(job)
            status = job.wait()
    finally:
        _end_all()
    return status if status >= 0 else SIGNALED - status


def _prctl() -> Callable[..., object]:
    """Return Linux's prctl; on other systems what does nothing."""
    try:
        found: Callable[..., object] = ctypes.CDLL(None).prctl
    except (OSError, AttributeError):
        return lambda *_: None
    return found


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise Stop


def _ask(job: subprocess.Popen[bytes]) -> None:
    """Give the job some time to end by itself, then kill it."""
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, signal.SIG_IGN)
    job.terminate()
    with suppress(subprocess.TimeoutExpired):
        job.wait(GRACE)
    if job.poll() is None:
        job.kill()
        job.wait()


def _end_all() -> None:
    """Kill whatever the job left behind, which new processes may still join."""
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, signal.SIG_IGN)
    while left := psutil.Process().children(recursive=True):
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(left, timeout=1)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]))
