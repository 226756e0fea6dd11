"""The fence: a run that a sweep took for dead and gave to another worker must not write on when it wakes up.

A worker hands its trial the lease that it runs under in the environment, and holds to that lease itself while it judges
how the trial ended. Every write looks at the lease first. It is lost where it was ended from outside, where another one
follows, and where its file is gone, cannot be read or bears the token of somebody else (numbers start anew in a run folder
that was deleted; tokens never come twice). The look comes right before the write and not with it, so a process that is
frozen just between the two still finishes that one write.
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
"""Exit status of a process that no longer had its lease: `try again`, as sysexits.h has it."""


class LeaseLost(SystemExit):
    """The run belongs to another worker now: leave at once, and mark nothing."""

    def __init__(self, message: str):
        super().__init__(LEFT)
        self.message = message

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True)
class HeldLease:
    """A lease as its holder remembers it."""

    path: Path
    token: str
    """Empty for a lease from before there were tokens."""

    def environment(self) -> dict[str, str]:
        """What a trial needs in its environment to write under this lease."""
        return {VARIABLE: str(self.path.absolute()), TOKEN: self.token}

    def why_lost(self) -> str | None:
        """Why this process no longer has the lease, in words that follow the file's name; None where it has."""
        try:
            if file_of(self.path.parent, int(self.path.stem) + 1).exists():
                return "was followed by the lease of another worker"
            content = json.loads(self.path.read_bytes())
            if content.get("token", "") != self.token:
                return "is the lease of another worker"
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
    """Inside the `with` block every write of this process looks at this lease, too."""
    before = _held.set(lease)
    try:
        yield
    finally:
        _held.reset(before)


def check() -> None:
    """Raise LeaseLost where this process runs under a lease that it no longer has."""
    for lease in (_inherited(), _held.get()):
        why = None if lease is None else lease.why_lost()
        if lease is not None and why is not None:
            raise LeaseLost(f"this run is no longer ours: {lease.path} {why}; nothing more was written")


def file_of(folder: Path, number: int) -> Path:
    """The file of a folder's lease of that number. Numbers count from 1."""
    return folder / f"{number:04d}.json"


def _inherited() -> HeldLease | None:
    path = os.environ.get(VARIABLE)
    return HeldLease(Path(path), os.environ.get(TOKEN, "")) if path else None
