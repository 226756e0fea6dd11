"""An append-only file that knows what it holds, so that a checkpoint can say how far it goes and a resume can check it."""

from __future__ import annotations

import errno
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

CHUNK = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Extent:
    """The beginning of a file: how long it is and what it holds."""

    size: int
    """Bytes."""
    sha256: str


class LogFile:
    """Grows at its end alone. What was appended is counted and hashed here, so that other hands show."""

    def __init__(self, path: Path):
        self.path = path
        self.size = 0
        self.digest = hashlib.sha256()

    def append(self, text: str) -> None:
        """Add text, handed to the system before this returns; on the disk it is after `settle`."""
        content = text.encode()
        with self.path.open("ab") as stream:
            stream.write(content)
        self.size += len(content)
        self.digest.update(content)

    def cut(self, size: int) -> None:
        """Keep the first `size` bytes; a file of none is none. Needs no space on the disk."""
        if size:
            os.truncate(self.path, size)
        else:
            self.path.unlink(missing_ok=True)
        self.size, self.digest = size, _digest(self.path, size)

    def settle(self) -> Extent:
        """Bring all of it to the disk. Raises OSError where the file is not as long as what was written to it."""
        found = size_of(self.path)
        if found != self.size:
            message = f"changed by other hands: it has {found} bytes and {self.size} were written"
            raise OSError(errno.EIO, message, str(self.path))
        if found:
            sync(self.path)
        return Extent(size=self.size, sha256=self.digest.hexdigest())


def size_of(path: Path) -> int:
    """Bytes of a file; 0 where there is none."""
    return path.stat().st_size if path.is_file() else 0


def extent_of(path: Path, size: int | None = None) -> Extent:
    """The first `size` bytes of a file, or all of it; fewer where it is shorter, none where there is none."""
    length = size_of(path) if size is None else min(size, size_of(path))
    return Extent(size=length, sha256=_digest(path, length).hexdigest())


def sync(path: Path) -> None:
    """Bring a file's content, or a folder's names, to the disk."""
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
