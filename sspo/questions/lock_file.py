"""The revision and content of each hub set that a study relies on: a JSON file beside the studies.

The first load of a set adds its entry, and every later one must match it. Several processes may do so at once.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from sspo.config.json_file import read_object
from sspo.errors import UserError

REMEDY = "restore it from version control, or remove the damaged entry: the next load writes it again"
NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS)
"""Errors of file systems without locks."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One set as it was first loaded."""

    hub: str
    """Its id on the hub."""
    revision: str
    """The commit there."""
    sha256: str
    """The digest of its questions, as in QuestionSet."""
    rows: int


def entry_of(lock: Path, name: str) -> Entry | None:
    """Return a lock file's entry for a set, or None. Raises UserError for an invalid file."""
    found = _entries(lock).get(name)
    if found is None:
        return None
    match found:
        case {"hub": str(hub), "revision": str(revision), "sha256": str(sha256), "rows": int(rows)} if (
            re.fullmatch(r"[0-9a-f]{64}", sha256) and revision
        ):
            return Entry(hub=hub, revision=revision, sha256=sha256, rows=rows)
    raise UserError(f"task.lock={lock} is damaged at '{name}'; {REMEDY}")


def add_entry(lock: Path, name: str, entry: Entry) -> Entry:
    """Add a set that is not listed yet; return the effective entry, which another process may have added in the
    meantime.
    """
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        with _alone(lock.parent):
            there = entry_of(lock, name)
            if there is None:
                _write(lock, {**_entries(lock), name: asdict(entry)})
            return there or entry
    except OSError as error:
        raise UserError(
            f"task.lock={lock} cannot be written: {error.strerror}; set it to a file in a writable folder"
        ) from error


def _entries(lock: Path) -> dict[str, object]:
    return read_object(lock, REMEDY) or {}


def _write(lock: Path, entries: dict[str, object]) -> None:
    temporary = lock.with_name(f".{lock.name}.{os.getpid()}")
    try:
        with temporary.open("w", encoding="utf-8") as stream:
            stream.write(json.dumps(entries, indent=1, sort_keys=True) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, lock)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Exclude other processes from the lock files of a folder, if the file system has locks."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
        yield
    finally:
        os.close(handle)
