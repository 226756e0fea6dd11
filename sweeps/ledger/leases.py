"""Leases: numbered files that say which process works on something, so that no two do, also from several machines.

A folder holds `0001.json`, `0002.json`, ...; the newest one counts, and no number is used twice while the folder is there
(a token in every lease tells it from others of its number, should somebody delete the folder). Whoever creates the next
number, which succeeds for exactly one on any file system with exclusive creation, has the lease. A lease lasts until its
file says how it ended. Its holder touches the file now and then: whoever sees it untouched for long, by a clock of its
own that nobody sets, may create the next number. What the touch wrote is never compared with any clock. Where the
holder's processes can be looked at, their end is seen at once.
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
"""Seconds between two touches of a lease."""
STALE_AFTER = 60.0
"""Seconds without a touch after which a lease is taken over."""
LONGEST_LOOK = 2 * HEARTBEAT
"""Seconds that one look adds at most to how long a lease has been still: an observer that slept saw nothing meanwhile."""


@dataclass(frozen=True, kw_only=True)
class Lease:
    """One lease: who has it, and how it ended."""

    number: int
    machine: str = ""
    host: str = ""
    processes: tuple[tuple[int, str], ...] = ()
    """(pid, start) of the holder, and of the trial that it runs; none in a file that was torn while it was created."""
    outcome: str = ""
    """Empty while it lasts."""
    message: str = ""
    forgiven: bool = False
    """Whether its outcome no longer counts against the trial."""
    token: str = ""
    """Random, so that no two leases are ever taken for each other; empty in a lease from before there were tokens."""

    @property
    def pid(self) -> int:
        """The holder's."""
        return self.processes[0][0] if self.processes else 0

    def own(self) -> bool:
        """Whether this process holds it."""
        return (
            not self.outcome
            and self.machine == this_machine()
            and self.processes[:1] == _processes([os.getpid()])
        )

    def holder_gone(self) -> bool:
        """Whether every process that holds the lease is known to have ended."""
        if self.machine != this_machine() or not self.processes:
            return False
        return all(start_of(pid) != start for pid, start in self.processes)


TEXTS = tuple(field.name for field in fields(Lease) if field.type == "str")
NAME = re.compile(r"\d{4,9}\.json", re.ASCII)


class Watch:
    """Judges leases by looking at them again and again; `clock` only ever goes forward."""

    def __init__(self, stale_after: float = STALE_AFTER, clock: Callable[[], float] = time.monotonic):
        self.stale_after = stale_after
        self._clock = clock
        self._seen: dict[Path, tuple[tuple[int, ...], float, float]] = {}
        """By file: what it looked like, when that was last seen, and for how long it has been seen so."""

    def over(self, folder: Path, lease: Lease) -> bool:
        """Whether a lease has ended or its holder is given up."""
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
    """What the newest lease's holder changes by every touch; None where there is no lease."""
    lease = newest(folder)
    look = None if lease is None else _look(file_of(folder, lease.number))
    return None if lease is None or look is None else (lease.number, *look)


def leases(folder: Path) -> list[Lease]:
    """All leases of a folder in order."""
    return [_read(folder, number) for number in sorted(_numbers(folder))]


def newest(folder: Path) -> Lease | None:
    """The lease that counts; None where there never was one."""
    numbers = _numbers(folder)
    return _read(folder, max(numbers)) if numbers else None


def holder(folder: Path) -> Lease | None:
    """Who has it now as far as one look can tell; None where nobody does."""
    lease = newest(folder)
    return None if lease is None or lease.outcome or lease.holder_gone() else lease


def acquire(folder: Path, watch: Watch) -> tuple[Lease | None, Lease | None]:
    """Acquire `folder` for this process. Returns (the new lease or None where another has it, the newest one before)."""
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
    """Let a lease follow a child too, so that it outlasts this process where the child does. The file changes whole."""
    shared = replace(lease, processes=(*lease.processes, *_processes([pid])))
    write_atomic(file_of(folder, lease.number), _text(shared))
    return shared


def heartbeat(folder: Path, lease: Lease) -> bool:
    """Show that the holder is there. False where the lease is lost, and the holder has to leave."""
    if lost(folder, lease):
        return False
    try:
        os.utime(file_of(folder, lease.number))
    except FileNotFoundError:
        return False
    return True


def end(folder: Path, lease: Lease, outcome: str, message: str = "") -> None:
    """Write down how a lease ended: by its holder, or by whoever has the next number; `fence.under` its own."""
    write_atomic(file_of(folder, lease.number), _text(replace(lease, outcome=outcome, message=message)))


def reset_retries(folder: Path) -> None:
    """Let no lease of the folder count against what is tried from now on."""
    for lease in leases(folder):
        if lease.outcome and not lease.forgiven:
            write_atomic(file_of(folder, lease.number), _text(replace(lease, forgiven=True)))


def held(folder: Path, lease: Lease) -> HeldLease:
    """Return what the fence knows a lease of this process by."""
    return HeldLease(file_of(folder, lease.number), lease.token)


def lost(folder: Path, lease: Lease) -> bool:
    """Whether this process no longer has a lease that it took."""
    return held(folder, lease).why_lost() is not None


def _look(path: Path) -> tuple[int, ...] | None:
    """What a touch changes; None where the lease is not to be seen: its maker could not fill it and has taken it back."""
    try:
        with path.open("rb") as stream:  # opening asks a server again what it would otherwise remember
            stat = os.fstat(stream.fileno())
    except OSError:  # what cannot be looked at is given up by nobody
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
    """Numbers of a folder's leases, in any order. Raises UserError where the folder cannot be read."""
    try:
        return [int(path.stem) for path in folder.iterdir() if NAME.fullmatch(path.name)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise UserError(f"cannot read the leases in {folder}: {error.strerror}") from error


def _processes(pids: Sequence[int]) -> tuple[tuple[int, str], ...]:
    return tuple((pid, start_of(pid) or "over") for pid in pids)


def _read(folder: Path, number: int) -> Lease:
    """A file that makes no sense, as one whose process died while it wrote, is somebody's until it has been still for long."""
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
