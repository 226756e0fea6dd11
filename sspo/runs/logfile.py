"""An append-only file that tracks its content, so that a checkpoint can record its extent and a resume can verify it."""

from __future__ import annotations

import errno
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

CHUNK = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Extent:
    """The beginning of a file: its length and its digest."""

    size: int
    """Bytes."""
    sha256: str


class LogFile:
    """Grows only at its end. Appended text is counted and hashed here, so that foreign changes are detected."""

    def __init__(self, path: Path):
        self.path = path
        self.size = 0
        self.digest = hashlib.sha256()

    def append(self, text: str) -> None:
        """Append text, which the operating system has before this returns; it is on disk after `settle`."""
        content = text.encode()
        with self.path.open("ab") as stream:
            stream.write(content)
        self.size += len(content)
        self.digest.update(content)

    def cut(self, size: int) -> None:
        """Keep the first `size` bytes; with none, remove the file. Needs no disk space."""
        if size:
            os.truncate(self.path, size)
        else:
            self.path.unlink(missing_ok=True)
        self.size, self.digest = size, _digest(self.path, size)

    def settle(self) -> Extent:
        """Flush the file to disk. Raises OSError if its length differs from what was written."""
        found = size_of(self.path)
        if found != self.size:
            message = f"changed by another program: it has {found} bytes and {self.size} were written"
            raise OSError(errno.EIO, message, str(self.path))
        if found:
            sync(self.path)
        return Extent(size=self.size, sha256=self.digest.hexdigest())


def size_of(path: Path) -> int:
    """Return the size of a file in bytes; 0 if it does not exist."""
    return path.stat().st_size if path.is_file() else 0


def extent_of(path: Path, size: int | None = None) -> Extent:
    """Return the extent of the first `size` bytes of a file, or of all of it; shorter if the file is, empty if there is
    none.
    """
    length = size_of(path) if size is None else min(size, size_of(path))
    return Extent(size=length, sha256=_digest(path, length).hexdigest())


def sync(path: Path) -> None:
    """Flush a file's content, or a folder's names, to disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _digest(path: Path, size: int) -> hashlib._Hash:
    digest = hashlib.sha256()
    if size:
        with path.open("rb") as stream:
            while size and (content := stream.read(min(size, CHUNK))):
                digest.update(content)
                size -= len(content)
    return digest
