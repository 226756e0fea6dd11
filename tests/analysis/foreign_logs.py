"""Files of other tools, written byte by byte: TensorBoard's events and W&B's offline runs. And a short way to a study."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from analysis.importers.spec import load_spec
from analysis.importers.study import import_study
from analysis.logs.compact import Logs, read_logs


def varint(number: int) -> bytes:
    out = b""
    while number > 0x7F:
        out, number = out + bytes([number & 0x7F | 0x80]), number >> 7
    return out + bytes([number])


def field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def crc32c(content: bytes) -> int:
    """Bit by bit, as the polynomial is defined."""
    crc = 0xFFFFFFFF
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def masked(content: bytes) -> bytes:
    crc = crc32c(content)
    return struct.pack("<I", ((crc >> 15 | crc << 17 & 0xFFFFFFFF) + 0xA282EAD8) & 0xFFFFFFFF)


def record(event: bytes) -> bytes:
    """One event as TFRecord frames it."""
    size = struct.pack("<Q", len(event))
    return size + masked(size) + event + masked(event)


def version(number: int, step: int = 0) -> bytes:
    return field(2, step) + field(3, f"brain.Event:{number}".encode())


def scalar(step: int, value: float, tag: str = "acc") -> bytes:
    """An event with one simple value."""
    body = field(1, tag.encode()) + varint(2 << 3 | 5) + struct.pack("<f", value)
    return field(2, step) + field(5, field(1, body))


def start(step: int) -> bytes:
    """What a writer with `purge_step` begins with: SessionLog START."""
    return field(2, step) + field(7, field(1, 1))


def write_events(folder: Path, events: Sequence[bytes], at: int = 1) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"events.out.tfevents.{at:010d}.host.1.0"
    path.write_bytes(b"".join(map(record, events)))
    return path


def write_wandb(path: Path, rows: Sequence[Mapping[str, Any]], exit_code: int | None = 0) -> Path:
    """An offline run of small records: a history row each (step = log call), then the exit code."""
    bodies = []
    for call, row in enumerate(rows):
        items = [field(1, field(1, k.encode()) + field(16, json.dumps(v).encode())) for k, v in row.items()]
        bodies.append(field(2, b"".join(items) + field(2, field(1, call))))
    if exit_code is not None:
        bodies.append(field(18, field(1, exit_code)))
    content = b":W&B\xe1\xbe\x00"
    for body in bodies:
        content += fragment(1, body)
    assert len(content) < 32768, "one block: a record over its end would have to be split"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def fragment(kind: int, data: bytes) -> bytes:
    return struct.pack("<IHB", zlib.crc32(data, zlib.crc32(bytes([kind]))), len(data), kind) + data


def imported(
    folder: Path, sources: Sequence[str], primary: str | tuple[str, ...] = "acc", **options: Any
) -> Logs:
    """The compact logs of an import."""
    given = {"primary": (primary,) if isinstance(primary, str) else primary, **options}
    return read_logs(import_study("x", load_spec(None, sources, given), folder))


def states(logs: Logs) -> dict[str, str]:
    """Status by arm and seed."""
    return {f"{r['arm']}{r['seed']}": r["status"] for r in logs.runs}


def finals(logs: Logs) -> dict[str, float]:
    """Final score by arm and seed, of one primary metric."""
    rows = logs.evaluation[logs.evaluation["final"]]
    names = [f"{r['arm']}{r['seed']}" for r in logs.runs]
    return {names[run]: value for run, value in zip(rows["run"], rows["value"].tolist(), strict=True)}
