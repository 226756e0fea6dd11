"""Claims: a file that says which process works on something, so that no two do.

A claim is created exclusively. It is live while its process is: the same pid with the same start time, for a pid alone
may since have gone to another process. What another host claimed cannot be looked into and is taken to be live.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from sspo.runlog import write_atomic

CLAIM = "claim.json"
START_TOLERANCE = 2.0
"""Seconds: the start time that a kernel reports moves a little when the clock is set."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """Who holds it: start is the process's start time, seconds since the epoch."""

    pid: int
    host: str
    start: float

    def live(self) -> bool:
        """False only where the process is known to be gone."""
        if self.host != socket.gethostname():
            return True
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.start) < START_TOLERANCE
            return bool(same and process.status() != psutil.STATUS_ZOMBIE)
        except psutil.NoSuchProcess:
            return False


def claim_of(pid: int) -> Claim:
    """The claim of a running process of this machine; one that has just ended gets a claim that is not live."""
    try:
        start = psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        start = 0.0
    return Claim(pid=pid, host=socket.gethostname(), start=start)


def holder(path: Path) -> Claim | None:
    """Who holds a claim file now; None where nobody does, the process is gone, or the file is torn."""
    try:
        claim = Claim(**json.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, NotADirectoryError, ValueError, TypeError):
        return None
    return claim if claim.live() else None


def acquire(path: Path) -> Claim | None:
    """Claim `path` for this process, over a stale claim if need be. Returns the live holder where there is one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with _alone_in(path.parent):
        other = holder(path)
        if other is not None:
            return other
        path.unlink(missing_ok=True)
        with path.open("x", encoding="utf-8") as stream:
            stream.write(_text(claim_of(os.getpid())))
    return None


def hand_over(path: Path, pid: int) -> None:
    """Pass a claim of this process on to a child, whose life it then follows even when this process is killed.

    The claim changes whole: a torn one would be nobody's, and another sweep would start the trial a second time.
    """
    with _alone_in(path.parent):
        write_atomic(path, _text(claim_of(pid)))


def release(path: Path) -> None:
    """Give a claim back."""
    path.unlink(missing_ok=True)


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Two processes that find the same stale claim must not both take it over."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _text(claim: Claim) -> str:
    return json.dumps(asdict(claim))
