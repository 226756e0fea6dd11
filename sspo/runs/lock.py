"""One process at a time in a run folder: a lock of the system's, which ends with its process however that ends.

The file stays behind a process that was killed and locks nothing then; what it holds is for messages. A sweep's trials are
kept apart by their leases (fence.py): where the sweep gave a run of its own to another worker, that one takes the lock over,
although a process that froze may still hold it. The file is renewed for that, and a lock counts only on the file that is there.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sspo.errors import UserError
from sspo.runs import fence

LOCK = "run.lock"
NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS)
"""What a file system without locks says."""
LOOKS, PAUSE = 20, 0.05
"""A holder writes down who it is right after it has the lock: how often, and with which seconds between, we look for that."""


@contextmanager
def alone(folder: Path, warn: Callable[[str], None]) -> Iterator[None]:
    """Hold the run folder inside the `with` block; it is made where it is not there.

    Raises UserError where another process holds it, or it cannot be written.
    """
    path = folder / LOCK
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = _take(path, warn)
    except OSError as error:
        raise UserError(
            f"cannot write the run folder {folder}: {error.strerror}; set run.store to a writable folder"
        ) from error
    try:
        yield
    finally:
        if _is_at(handle, path):
            path.unlink()
        os.close(handle)


def _take(path: Path, warn: Callable[[str], None]) -> int:
    """A descriptor that holds the lock."""
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            _ask_holder(path)
            continue
        except OSError as error:
            if error.errno not in NO_LOCKS:
                os.close(handle)
                raise
            warn(
                "warning: this file system has no locks, so nothing stops a second process from writing to this run"
            )
        if _is_at(handle, path):
            os.pwrite(
                handle, _who().ljust(os.fstat(handle).st_size).encode(), 0
            )  # over what a killed one wrote
            return handle
        os.close(handle)  # its holder has just ended, and taken the file away


def _ask_holder(path: Path) -> None:
    """Take the file from a holder whose lease has passed to this process. Raises UserError where it is another's run."""
    for _ in range(LOOKS):
        holder = _read(path)
        if holder:
            break
        if not path.exists():
            return  # it has just ended
        time.sleep(PAUSE)
    if os.environ.get(fence.VARIABLE) and holder.get("claim"):
        fence.check()
        path.unlink(missing_ok=True)
        return
    raise UserError(
        f"this run is under way as process {holder.get('pid', 'unknown')} on {holder.get('host', 'an unknown host')}, since "
        f"{holder.get('since', 'an unknown time')}: wait for it, or end it and run this again to continue ({path.parent})"
    )


def _is_at(handle: int, path: Path) -> bool:
    """Whether the open file is the one that is there by that name."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def _who() -> str:
    return json.dumps(
        {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "since": time.strftime("%Y-%m-%d %H:%M:%S"),
            "claim": os.environ.get(fence.VARIABLE),
        }
    )


def _read(path: Path) -> Mapping[str, Any]:
    """What a holder wrote; empty where it has not yet, or is gone."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
