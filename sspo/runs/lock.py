"""One process at a time in a run folder: an operating-system lock, which ends with its process however that ends.

The file of a killed process remains and locks nothing; its content is for messages. A sweep's trials are separated by
their leases (fence.py): if the sweep reassigned one of its runs, the new worker takes the lock over, although a frozen
process may still hold it. The file is replaced for that, and only a lock on the current file counts.
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
"""Errors of file systems without locks."""
LOOKS, PAUSE = 20, 0.05
"""A holder writes its identity right after it gets the lock: number of reads of it, and seconds between them."""


@contextmanager
def alone(folder: Path, warn: Callable[[str], None]) -> Iterator[None]:
    """Hold the run folder, which is created if missing, inside the `with` block.

    Raises UserError if another process holds it, or it cannot be written.
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
    """Return a descriptor that holds the lock."""
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
                "warning: this file system has no locks, so nothing prevents a second process from writing to this run"
            )
        if _is_at(handle, path):
            os.pwrite(
                handle, _who().ljust(os.fstat(handle).st_size).encode(), 0
            )  # over the content of a killed process
            return handle
        os.close(handle)  # its holder has just ended and removed the file


def _ask_holder(path: Path) -> None:
    """Take the file from a holder whose lease has passed to this process. Raises UserError if it belongs to a different
    run.
    """
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
        f"this run is already running as process {holder.get('pid', 'unknown')} on {holder.get('host', 'an unknown host')}, since "
        f"{holder.get('since', 'an unknown time')}: wait for it, or stop it and repeat this command to continue ({path.parent})"
    )


def _is_at(handle: int, path: Path) -> bool:
    """Return whether the open file is the current file with that name."""
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
    """Return the identity that a holder wrote; empty if it is not written yet or gone."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
