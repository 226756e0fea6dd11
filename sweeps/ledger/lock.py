"""Locks: one controller of a piece of work at a time; a second one is refused in one sentence.

This is only a courtesy to users: the leases of trials ensure that two controllers never run the same trial.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sspo.errors import UserError
from sspo.runs import fence
from sspo.runs.fence import LeaseLost, file_of
from sweeps.ledger import leases
from sweeps.ledger.leases import Lease, Watch
from sweeps.ledger.machine import this_machine

LOOK = 0.5
"""Seconds between checks of a lock that another machine holds."""


@contextmanager
def alone(lock: Path, work: str, remedy: str = "wait for it", watch: Watch | None = None) -> Iterator[None]:
    """Hold the folder `lock` inside the `with` block. Raises UserError if a live process holds it or it cannot be written.

    If the holder is on another machine, wait for its heartbeat, or until it has been silent for so long that its lease is stale.
    """
    own = _acquire(lock, work, remedy, watch or Watch())
    over = threading.Event()
    heart = threading.Thread(target=_keep, args=(lock, own, over), daemon=True, name="lock")
    heart.start()
    try:
        yield
    finally:
        over.set()
        heart.join()
        _release(lock, own)


def _acquire(lock: Path, work: str, remedy: str, watch: Watch) -> Lease:
    first: tuple[int, float] | None = None
    try:
        while True:
            own, other = leases.acquire(lock, watch)
            if own is not None:
                if other is not None and not other.outcome:
                    with fence.under(leases.held(lock, own)):
                        leases.end(lock, other, "lost")
                return own
            if other is not None:
                look = (other.number, file_of(lock, other.number).stat().st_mtime)
                if other.machine == this_machine() or (first or look) != look:
                    raise UserError(
                        f"another {work} runs in this store as process {other.pid} on {other.host}; {remedy}"
                    )
                first = look
            time.sleep(LOOK)
    except OSError as error:
        raise UserError(
            f"cannot write {lock}: {error.strerror}; fix that, or pass a writable folder with --store"
        ) from error


def _keep(lock: Path, own: Lease, over: threading.Event) -> None:
    with suppress(
        OSError
    ):  # the work itself reports a missing store; a lock without a heartbeat is taken over
        while not over.wait(leases.HEARTBEAT) and leases.heartbeat(lock, own):
            pass


def _release(lock: Path, own: Lease) -> None:
    # on a full disk the lock ends with this process, which others can detect; a lost lock is not ours to release
    with suppress(OSError, LeaseLost), fence.under(leases.held(lock, own)):
        leases.end(lock, own, "released")
        for number in range(own.number - 1, 0, -1):
            path = file_of(lock, number)
            if not path.exists():
                break  # an earlier controller has removed the rest
            path.unlink()
