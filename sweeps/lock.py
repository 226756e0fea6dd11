"""Locks: one controller of a piece of work at a time, refused in one sentence where there is another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sspo.errors import UserError
from sweeps.claims import Claim, acquire, release


@contextmanager
def alone(lock: Path, work: str) -> Iterator[None]:
    """Hold `lock` inside the `with` block. Raises UserError where a live process holds it or it cannot be written."""
    other = _acquire(lock)
    if other is not None:
        raise UserError(
            f"another {work} runs in this store as process {other.pid} on {other.host}; "
            f"wait for it, or delete {lock} if that machine is gone"
        )
    try:
        yield
    finally:
        release(lock)


def _acquire(lock: Path) -> Claim | None:
    try:
        return acquire(lock)
    except OSError as error:
        raise UserError(
            f"cannot write {lock}: {error.strerror}; mend that, or give a writable folder with --store"
        ) from error
