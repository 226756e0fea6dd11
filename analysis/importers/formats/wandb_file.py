"""W&B's offline runs: `offline-run-*/run-*.wandb`, records in the framing of LevelDB's logs.

The file has a 7-byte header, then blocks of 32 KiB; a record is one fragment or several, each with a checksum, a size
and a kind. Field numbers are those of wandb_internal.proto.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from analysis.importers.formats.wire import BadMessage, all_of, fields, integer, text
from analysis.importers.importer import Importer, Named
from analysis.importers.limits import check_file
from analysis.importers.logged import BROKE_OFF, ENDED, UNKNOWN_END, Logged, flat, json_value, together
from analysis.importers.rows import CALLS, Rows

MAGIC = b":W&B"
HEADER, BLOCK, FRAME = 7, 32768, 7
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4
HISTORY, CONFIG, RUN, EXIT = 2, 5, 17, 18
ITEM, STEP, KEY, NESTED, VALUE = 1, 2, 1, 2, 16
EXIT_CODE = 1
TYPE = "._type"
"""Suffix of the name under which W&B states the type of a value that is not a number."""


def matches(path: Path, head: bytes) -> bool:
    """Return whether a file begins like such a log."""
    return head.startswith(MAGIC)


def read(path: Path, named: Named) -> list[Logged]:
    """Read the run of a file."""
    return [read_wandb(path, named.step)]


def read_folder(folder: Path, named: Named) -> list[Logged]:
    """Read one run per file of the folder."""
    return [read_wandb(path, named.step) for path in sorted(folder.glob("*.wandb"))]


def read_wandb(path: Path, step_from: str | None = None) -> Logged:
    """Read the run of a .wandb file, up to the first torn record."""
    rows, config, name = Rows(path, step_from), dict[str, Any](), ""
    end, torn, calls = UNKNOWN_END, "", 0
    try:
        for record in records(check_file(path).read_bytes()):
            for number, body in fields(record):
                if not isinstance(body, bytes):
                    continue
                if number == HISTORY:
                    calls += 1
                    _history(body, rows, calls)
                elif number in (CONFIG, RUN):
                    config |= configured(number, body)
                if number == RUN:
                    config |= {"wandb.group": text(body, 6), "wandb.job_type": text(body, 7)}
                    name = text(body, 8)
                elif number == EXIT:
                    end = BROKE_OFF if integer(body, EXIT_CODE) else ENDED
    except BadMessage as error:
        torn = f"torn after {calls} rows ({error})"
    found = rows.by_step()
    note, unread = together(torn, rows.note(found)), rows.unread(found)
    return Logged("wandb", (path,), found, flat(config), end, note, name, unread=unread)


def configured(number: int, body: bytes) -> dict[str, Any]:
    """Return the configuration in a record of kind CONFIG or RUN."""
    parts = [body] if number == CONFIG else all_of(body, 4)
    return dict(pair for part in parts for pair in items(part, 1))


def _history(body: bytes, rows: Rows, call: int) -> None:
    row = history_row(body)
    media = {
        name.removesuffix(TYPE) for name in row if name.endswith(TYPE)
    }  # tables and images are not metrics
    rows.add(call, ((name, value) for name, value in row.items() if name.rpartition(".")[0] not in media))


def history_row(body: bytes) -> dict[str, Any]:
    """Return a history record's values by dotted name; its step is CALLS."""
    found = dict(items(body, ITEM))
    steps = all_of(body, STEP)
    step = integer(steps[-1], 1) or 0 if steps else found.get(CALLS, 0)
    return {**flat(found), CALLS: step}


def items(body: bytes, number: int) -> Iterator[tuple[str, Any]]:
    """Yield the name and value of every item in the field of that number."""
    for item in all_of(body, number):
        nested = [part.decode("utf-8", "replace") for part in all_of(item, NESTED)]
        yield text(item, KEY) or ".".join(nested), json_value(text(item, VALUE))


def records(content: bytes) -> Iterator[bytes]:
    """Yield the records of a file. Raises BadMessage if a record is torn or its checksum does not match."""
    at, parts = HEADER, list[bytes]()
    while at + FRAME <= len(content):
        left = BLOCK - at % BLOCK
        if left < FRAME:
            at += left
            continue
        checksum, size, kind = struct.unpack_from("<IHB", content, at)
        data = content[at + FRAME : at + FRAME + size]
        if (checksum, size, kind) == (0, 0, 0) or len(data) < size or kind not in (FULL, FIRST, MIDDLE, LAST):
            raise BadMessage(f"no complete record at byte {at}")
        if zlib.crc32(data, zlib.crc32(bytes([kind]))) != checksum:
            raise BadMessage(f"the checksum of the record at byte {at} does not match")
        at += FRAME + size
        if kind in (FULL, FIRST):
            parts = []
        parts.append(data)
        if kind in (FULL, LAST):
            yield b"".join(parts)
            parts = []
    if parts or at < len(content):
        raise BadMessage("a last record without its end")


IMPORTER = Importer(matches=matches, read=read, in_folder=read_folder)
