"""Leases: numbered files that record which process works on a folder, so that no two do, even on different machines.

A folder holds `0001.json`, `0002.json`, ...; the newest one counts, and no number is used twice while the folder exists
(a token in every lease distinguishes it from others of its number, in case the folder is deleted). The process that creates
the next number holds the lease; on any file system with exclusive creation, exactly one process succeeds. A lease lasts until
its file records how it ended. Its holder touches the file regularly: a process that sees it untouched for long enough, by
its own monotonic clock, may create the next number. The time stamp of a touch is never compared with any clock. If the
holder's processes are visible, their end is detected at once.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from sspo.errors import UserError
from sspo.runs.fence import HeldLease, file_of
from sspo.runs.runlog import write_atomic
from sweeps.ledger.machine import start_of, this_machine

HEARTBEAT = 2.0
"""Seconds between touches of a lease."""
STALE_AFTER = 60.0
"""Seconds without a touch after which a lease is taken over."""
LONGEST_LOOK = 2 * HEARTBEAT
"""Maximum seconds that one observation adds to a lease's idle time: an observer that was asleep saw nothing in between."""


@dataclass(frozen=True, kw_only=True)
class Lease:
    """One lease: its holder, and how it ended."""

    number: int
    machine: str = ""
    host: str = ""
    processes: tuple[tuple[int, str], ...] = ()
    """(pid, start) of the holder and of the trial that it runs; empty if the file was torn during its creation."""
    outcome: str = ""
    """Empty while it lasts."""
    message: str = ""
    forgiven: bool = False
    """True if its outcome no longer counts against the trial."""
    token: str = ""
    """A random text, so that no two leases are ever confused; empty in a lease older than this field."""

    @property
    def pid(self) -> int:
        """Return the holder's pid; 0 if unknown."""
        return self.processes[0][0] if self.processes else 0

    def own(self) -> bool:
        """Return whether this process holds it."""
        return (
            not self.outcome
            and self.machine == this_machine()
            and self.processes[:1] == _processes([os.getpid()])
        )

    def holder_gone(self) -> bool:
        """Return whether every process that holds the lease is known to have ended."""
        if self.machine != this_machine() or not self.processes:
            return False
        return all(start_of(pid) != start for pid, start in self.processes)


TEXTS = tuple(field.name for field in fields(Lease) if field.type == "str")
NAME = re.compile(r"\d{4,9}\.json", re.ASCII)


class Watch:
    """Decides by repeated observation whether leases are stale; `clock` must be monotonic."""

    def __init__(self, stale_after: float = STALE_AFTER, clock: Callable[[], float] = time.monotonic):
        self.stale_after = stale_after
        self._clock = clock
        self._seen: dict[Path, tuple[tuple[int, ...], float, float]] = {}
        """By file: its last observed status, when that was observed, and for how long it has not changed."""

    def over(self, folder: Path, lease: Lease) -> bool:
        """Return whether a lease has ended or is stale."""
        return bool(lease.outcome) or lease.holder_gone() or self._still(file_of(folder, lease.number))

    def _still(self, path: Path) -> bool:
        look, now = _look(path), self._clock()
        if look is None:
            return False
        before, when, still = self._seen.get(path, (look, now, 0.0))
        still = still + min(now - when, LONGEST_LOOK) if look == before else 0.0
        self._seen[path] = (look, now, still)
        return still >= self.stale_after


def sign_of_life(folder: Path) -> tuple[int, ...] | None:
    """Return the status of the newest lease's file, which changes with every heartbeat; None if there is no lease."""
    lease = newest(folder)
    look = None if lease is None else _look(file_of(folder, lease.number))
    return None if lease is None or look is None else (lease.number, *look)


def leases(folder: Path) -> list[Lease]:
    """Return all leases of a folder in order."""
    return [_read(folder, number) for number in sorted(_numbers(folder))]


def newest(folder: Path) -> Lease | None:
    """Return the lease that counts; None if there never was one."""
    numbers = _numbers(folder)
    return _read(folder, max(numbers)) if numbers else None


def holder(folder: Path) -> Lease | None:
    """Return the lease that is currently held, as far as a single read can show; None if there is none."""
    lease = newest(folder)
    return None if lease is None or lease.outcome or lease.holder_gone() else lease


def acquire(folder: Path, watch: Watch) -> tuple[Lease | None, Lease | None]:
    """Acquire `folder` for this process. Returns (the new lease, or None if another process holds it; the newest one before)."""
    before = newest(folder)
    if before is not None and not watch.over(folder, before):
        return None, before
    folder.mkdir(parents=True, exist_ok=True)
    own = _own(1 if before is None else before.number + 1)
    path = file_of(folder, own.number)
    try:
        stream = path.open("x", encoding="utf-8")
    except FileExistsError:
        return None, newest(folder)
    try:
        with stream:
            stream.write(_text(own))
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return own, before


def share(folder: Path, lease: Lease, pid: int) -> Lease:
    """Add a child process to a lease, so that the lease outlasts this process if the child does. The write is atomic."""
    shared = replace(lease, processes=(*lease.processes, *_processes([pid])))
    write_atomic(file_of(folder, lease.number), _text(shared))
    return shared


def heartbeat(folder: Path, lease: Lease) -> bool:
    """Touch the lease. Returns False if the lease is lost; the holder must then stop."""
    if lost(folder, lease):
        return False
    try:
        os.utime(file_of(folder, lease.number))
    except FileNotFoundError:
        return False
    return True


def end(folder: Path, lease: Lease, outcome: str, message: str = "") -> None:
    """Record how a lease ended. Called by its holder or by the holder of the next lease, each under the fence of its own lease."""
    write_atomic(file_of(folder, lease.number), _text(replace(lease, outcome=outcome, message=message)))


def reset_retries(folder: Path) -> None:
    """Mark all ended leases of the folder as forgiven, so that they no longer count against later attempts."""
    for lease in leases(folder):
        if lease.outcome and not lease.forgiven:
            write_atomic(file_of(folder, lease.number), _text(replace(lease, forgiven=True)))


def held(folder: Path, lease: Lease) -> HeldLease:
    """Return the handle by which the fence identifies a lease of this process."""
    return HeldLease(file_of(folder, lease.number), lease.token)


def lost(folder: Path, lease: Lease) -> bool:
    """Return whether this process has lost a lease that it acquired."""
    return held(folder, lease).why_lost() is not None


def _look(path: Path) -> tuple[int, ...] | None:
    """Return the file status that a touch changes; None if the file cannot be read, for example because its creator could not write
    it and removed it."""
    try:
        with path.open("rb") as stream:  # opening the file makes a network file system revalidate its cache
            stat = os.fstat(stream.fileno())
    except OSError:  # a lease that cannot be read is never declared stale
        return None
    return stat.st_ino, stat.st_mtime_ns, stat.st_size


def _own(number: int) -> Lease:
    return Lease(
        number=number,
        machine=this_machine(),
        host=socket.gethostname(),
        processes=_processes([os.getpid()]),
        token=secrets.token_hex(16),
    )


def _numbers(folder: Path) -> list[int]:
    """Return the numbers of a folder's leases, in any order. Raises UserError if the folder cannot be read."""
    try:
        return [int(path.stem) for path in folder.iterdir() if NAME.fullmatch(path.name)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise UserError(f"cannot read the leases in {folder}: {error.strerror}") from error


def _processes(pids: Sequence[int]) -> tuple[tuple[int, str], ...]:
    return tuple((pid, start_of(pid) or "over") for pid in pids)


def _read(folder: Path, number: int) -> Lease:
    """Read a lease. A damaged file, for example from a process that died while writing, counts as held until it is stale."""
    try:
        content = json.loads(file_of(folder, number).read_text(encoding="utf-8"))
        processes = tuple((int(pid), str(start)) for pid, start in content.pop("processes"))
        known = {key: str(value) for key, value in content.items() if key in TEXTS}
        return Lease(
            number=number, processes=processes, forgiven=bool(content.get("forgiven", False)), **known
        )
    except (OSError, ValueError, TypeError, AttributeError, LookupError, RecursionError):
        return Lease(number=number)


def _text(lease: Lease) -> str:
    return json.dumps(asdict(lease))
