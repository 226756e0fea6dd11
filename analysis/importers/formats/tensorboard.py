"""TensorBoard's event files: TFRecord framing with CRC32C, then Event messages; scalars in either of their two forms.

A resumed run logs START with the step from which it continues, in the same file or in a new one: as in TensorBoard, everything
logged before the resume from that step on is discarded. Files before version 2 have no START; a decreasing step of a tag marks a resume.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from sys import intern

from analysis.importers.formats.wire import BadMessage, Field, all_of, fields, integer, signed, text
from analysis.importers.importer import Importer, Named
from analysis.importers.limits import check_file, check_numbers, clean
from analysis.importers.logged import Logged, together, whole_step
from analysis.importers.rows import some

MARK = ".tfevents."
MOST_BYTES = 256 * 2**20
"""Maximum bytes of one file: its checksums are computed byte by byte."""
HEAD, FOOT = 12, 4
STEP, VERSION, SUMMARY, SESSION, VALUE = 2, 3, 5, 7, 1
STATUS, START = 1, 1
SAYS_START = 2.0
"""First version of event files in which a resumed run logs START."""
TAG, SIMPLE, TENSOR = 1, 2, 8
DTYPE, CONTENT = 1, 4
FORMATS = {1: ("f", 5), 2: ("d", 6), 3: ("i", 7), 9: ("q", 10), 19: ("e", 13)}
"""Tensor dtype to the packing of a value in its content, and the field of its list form."""
POLYNOMIAL, MASK = 0x82F63B78, 0xA282EAD8


def matches(path: Path, head: bytes) -> bool:
    """Return whether a file is named like an event file: the content has no magic bytes."""
    return MARK in path.name


def read(path: Path, named: Named) -> list[Logged]:
    """Read the run of a file."""
    return [read_tensorboard([path])]


def read_folder(folder: Path, named: Named) -> list[Logged]:
    """Read the run of a folder's event files; none if there are none."""
    files = sorted(path for path in folder.iterdir() if MARK in path.name)
    return [read_tensorboard(files)] if files else []


def read_tensorboard(files: Sequence[Path]) -> Logged:
    """Read one run from its event files in the order of their times; a file counts up to its first torn record."""
    notes: list[str] = []
    events, count = list[_Event](), 0
    for event in _events(files, notes):
        events.append(event)
        count += len(event.values)
        check_numbers(files[0].parent.name, count)
    rows, begun = _standing(events)
    lost = {name for row in rows.values() for name, value in row.items() if not math.isfinite(value)}
    found = {
        s: {n: v for n, v in row.items() if n not in lost or math.isfinite(v)}
        for s, row in sorted(rows.items())
    }
    if begun:
        steps = ", ".join(map(str, sorted(begun)[:3])) + (", ..." if len(begun) > 3 else "")
        notes.append(f"it was resumed at step {steps}: earlier values from there on are left out")
    if lost:
        notes.append(f"values that are not finite are left out: {some(lost)}")
    return Logged("tensorboard", tuple(files), found, note=clean(together(*notes)))


@dataclass(frozen=True)
class _Event:
    """The values of one event, and whether it marks a resume of the run at its step: for all names or its own."""

    step: int
    values: list[tuple[str, float]]
    starts: bool
    falls: bool


def _events(files: Sequence[Path], notes: list[str]) -> Iterator[_Event]:
    """Yield events that log scalars or mark a resume. A torn file is noted and read up to the tear."""
    version, latest = 0.0, 0
    for path in sorted(files, key=_written):
        try:
            for record in _records(check_file(path, MOST_BYTES).read_bytes()):
                step = whole_step(integer(record, STEP) or 0, path)
                if said := text(record, VERSION):
                    version = _version(said)
                values = [(intern(n), v) for body in all_of(record, SUMMARY) for n, v in _scalars(body)]
                says = version >= SAYS_START
                starts = says and any(integer(body, STATUS) == START for body in all_of(record, SESSION))
                if values or starts:
                    yield _Event(step, values, starts, bool(values) and not says and step < latest)
                latest = step if values else latest
        except BadMessage as error:
            notes.append(f"{path.name} is torn ({error})")


def _standing(events: Sequence[_Event]) -> tuple[dict[int, dict[str, float]], set[int]]:
    """Return the values that no later resume discarded, the last of each name and step, and the resume steps that discarded values."""
    rows: dict[int, dict[str, float]] = {}
    begun, of_all, of_name = set[int](), math.inf, dict[str, float]()
    for event in reversed(events):
        for name, value in reversed(event.values):
            alive_below = min(of_all, of_name.get(name, math.inf))
            if event.step < alive_below:
                rows.setdefault(event.step, {}).setdefault(name, value)
            else:
                begun.add(int(alive_below))
        if event.falls:
            of_name |= {name: min(event.step, of_name.get(name, math.inf)) for name, _ in event.values}
        if event.starts:
            of_all = min(of_all, event.step)
    return rows, begun


def _version(text: str) -> float:
    """Return the number in `brain.Event:2`; 0 if there is none."""
    try:
        return float(text.rpartition(":")[2])
    except ValueError:
        return 0.0


def _written(path: Path) -> tuple[int, str]:
    """Return when a file was begun, from its name: if a resumed run logged two values at one step, the later one counts."""
    found = re.search(r"\.tfevents\.(\d+)", path.name)
    return (int(found.group(1)) if found else 0, path.name)


def _records(content: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(content):
        head = content[at : at + HEAD]
        if len(head) < HEAD or _masked(head[:8]) != struct.unpack("<I", head[8:])[0]:
            raise BadMessage(f"no record at byte {at}")
        size = struct.unpack("<Q", head[:8])[0]
        data = content[at + HEAD : at + HEAD + size]
        foot = content[at + HEAD + size : at + HEAD + size + FOOT]
        if len(data) < size or len(foot) < FOOT or _masked(data) != struct.unpack("<I", foot)[0]:
            raise BadMessage(f"the record at byte {at} is not complete")
        yield data
        at += HEAD + size + FOOT


def _scalars(summary: bytes) -> Iterator[tuple[str, float]]:
    for value in all_of(summary, VALUE):
        found: float | None = None
        for number, body in fields(value):
            if number == SIMPLE and isinstance(body, bytes) and len(body) == 4:
                found = struct.unpack("<f", body)[0]
            elif number == TENSOR and isinstance(body, bytes):
                found = _scalar(body)
        if found is not None:
            yield text(value, TAG), found


def _scalar(tensor: bytes) -> float | None:
    """Return the number of a scalar tensor; None for text, histograms, images."""
    code, listed = FORMATS.get(integer(tensor, DTYPE) or 0, ("", 0))
    if not code:
        return None
    numbers = [x for body in all_of(tensor, CONTENT) for x in _packed(code, body)]
    numbers += [x for field in fields(tensor) if field[0] == listed for x in _listed(code, field)]
    return float(numbers[0]) if len(numbers) == 1 else None


def _packed(code: str, body: bytes) -> tuple[float, ...]:
    size = struct.calcsize(f"<{code}")
    if len(body) % size:
        raise BadMessage("a tensor of half a number")
    return struct.unpack(f"<{len(body) // size}{code}", body)


def _listed(code: str, field: Field) -> tuple[float, ...]:
    """Return the values of a list field: a varint, or packed (floats as they are, integers and half floats as varints)."""
    value = field[1]
    if isinstance(value, int):
        numbers = [value]
    elif code in "fd":
        return _packed(code, value)
    else:
        # a packed list of varints reads as the values of one repeated field
        numbers = [n for _, n in fields(b"".join(b"\x08" + v for v in _split(value))) if isinstance(n, int)]
    halves = [struct.unpack("<e", struct.pack("<H", n & 0xFFFF))[0] for n in numbers]
    return tuple(halves) if code == "e" else tuple(float(signed(n)) for n in numbers)


def _split(packed: bytes) -> Iterator[bytes]:
    """Split packed varints into the bytes of each."""
    start = 0
    for at, byte in enumerate(packed):
        if byte < 0x80:
            yield packed[start : at + 1]
            start = at + 1


def _table() -> tuple[int, ...]:
    entries = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (POLYNOMIAL if byte & 1 else 0)
        entries.append(byte)
    return tuple(entries)


TABLE = _table()


def _masked(content: bytes) -> int:
    """Return the CRC32C as TFRecord files store it."""
    crc = 0xFFFFFFFF
    for byte in content:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 0xFF]
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + MASK) & 0xFFFFFFFF


IMPORTER = Importer(matches=matches, read=read, in_folder=read_folder)
