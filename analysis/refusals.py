"""Operating-system errors as one sentence that names the file."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from sspo.errors import UserError


def refused(error: OSError, out: Path, *, writes: bool) -> UserError:
    """Return the error to raise for an OSError of a command with report folder `out`; `writes`: the command creates files there."""
    reason, place = error.strerror or str(error), error.filename or out
    if error.filename is not None and _was_read(Path(error.filename), error.errno):
        return UserError(f"{place} cannot be read: {reason}")
    if not writes:
        return UserError(f"the report cannot be read: {reason} ({place})")
    return UserError(
        f"the report cannot be written: {reason} ({place}); free that path or choose another folder with --out"
    )


def _was_read(path: Path, number: int | None) -> bool:
    """Return whether the file was opened for reading. An OSError does not record it: it was if opening for writing would have succeeded."""
    if number in (errno.EACCES, errno.EPERM):
        hidden = not os.access(path.parent, os.X_OK)
        return hidden or (path.exists() and not os.access(path, os.R_OK))
    return number in (errno.ENOENT, errno.EISDIR)
