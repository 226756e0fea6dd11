"""The fence: a run whose lease was taken over must not write after it resumes.

A worker passes the lease that it runs under to its trial in the environment, and obeys that lease itself while it
judges how the trial ended. Every write checks the lease first. It is lost if it was ended from outside, if another
follows it, and if its file is gone, cannot be read or bears a different token (numbers restart in a run folder that was
deleted; tokens are unique). The check comes right before the write and is not atomic with it, so a process that is
frozen exactly between the two still finishes that one write.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

VARIABLE, TOKEN = "SSPO_CLAIM", "SSPO_CLAIM_TOKEN"
"""Path of the lease's file, `<folder>/<number>.json`, and its token; not set for a run that no sweep started."""
LEFT = 75
"""Exit status of a process that no longer had its lease: `try again`, as in sysexits.h."""


class LeaseLost(SystemExit):
    """The run belongs to another worker now: exit at once, and write no marker."""

    def __init__(self, message: str):
        super().__init__(LEFT)
        self.message = message

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True)
class HeldLease:
    """A lease as its holder recorded it."""

    path: Path
    token: str
    """Empty for a lease from before tokens existed."""

    def environment(self) -> dict[str, str]:
        """Return the environment variables that a trial needs to write under this lease."""
        return {VARIABLE: str(self.path.absolute()), TOKEN: self.token}

    def why_lost(self) -> str | None:
        """Return why this process no longer has the lease, in words that follow the file's name, or None if it has."""
        try:
            if file_of(self.path.parent, int(self.path.stem) + 1).exists():
                return "was superseded by another worker's lease"
            content = json.loads(self.path.read_bytes())
            if content.get("token", "") != self.token:
                return "is another worker's lease"
            return "was ended by another worker" if content["outcome"] else None
        except FileNotFoundError:
            return "is gone"
        except OSError as error:
            return f"cannot be read ({error.strerror})"
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return "is damaged"


_held: ContextVar[HeldLease | None] = ContextVar("held", default=None)


@contextmanager
def under(lease: HeldLease) -> Iterator[None]:
    """Make every write of this process check this lease too, inside the `with` block."""
    before = _held.set(lease)
    try:
        yield
    finally:
        _held.reset(before)


def check() -> None:
    """Raise LeaseLost if this process runs under a lease that it no longer has."""
    for lease in (_inherited(), _held.get()):
        why = None if lease is None else lease.why_lost()
        if lease is not None and why is not None:
            raise LeaseLost(f"this run was taken over: {lease.path} {why}; nothing more was written")


def file_of(folder: Path, number: int) -> Path:
    """Return the file of a folder's lease with that number. Numbers count from 1."""
    return folder / f"{number:04d}.json"


def _inherited() -> HeldLease | None:
    path = os.environ.get(VARIABLE)
    return HeldLease(Path(path), os.environ.get(TOKEN, "")) if path else None
