"""Cached columns of JSON-lines logs, kept beside the store so that a later report parses only new lines.

A cached file is used only if it passes its checks. It carries a digest of its own bytes, so a torn or changed file is
discarded. It also records the log's size, its modification time and a digest of its end: all three must match. A log that
grew is hashed up to the end of the last read; if that part is unchanged, only the rest is parsed.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from analysis.logs.jsonl import BadLine, parse_lines, whole_lines

FOLDER = ".columns"
VERSION = b"2"
"""Version of the cache format and of the parsing of a line."""
MARK = b"sspo-columns"
TAIL = 4096
DIGEST = 32


@dataclass(frozen=True)
class ReadLog:
    """A log as it was read."""

    table: pa.Table
    size: int = 0
    """Bytes of the file."""
    sha256: str = ""
    """SHA-256 of its whole lines."""


def read_columns(store: Path, path: Path, schema: pa.Schema) -> pa.Table:
    """Return the table of `read_log`."""
    return read_log(store, path, schema).table


def read_log(store: Path, path: Path, schema: pa.Schema) -> ReadLog:
    """Read the whole lines of a log as a table of `schema`, without a torn last line; an empty table if there is no file.

    Raises BadLine as `parse_lines` does. If the cache cannot be written, the reason is printed once on stderr.
    """
    if not path.is_file():
        return ReadLog(schema.empty_table())
    cached = store / FOLDER / path.relative_to(store).with_suffix(".arrow")
    kept = _load(cached, schema)
    with path.open("rb") as stream:
        status = os.fstat(stream.fileno())
        if kept is not None and _unchanged(kept[0], stream, status):
            return ReadLog(kept[1], kept[0]["size"], kept[0]["content"])
        content = whole_lines(stream.read())
    table = _grown(content, *kept, schema) if kept is not None else None
    if table is None:
        table = parse_lines(content, schema)
    facts = _facts(content, status)
    _keep(cached, table, facts)
    return ReadLog(table, facts["size"], facts["content"])


def _facts(content: bytes, status: os.stat_result) -> dict[str, Any]:
    return {
        "size": status.st_size,
        "mtime_ns": status.st_mtime_ns,
        "covered": len(content),
        "content": _digest(content).hex(),
        "tail": _digest(content[-TAIL:]).hex(),
    }


def _digest(content: bytes | memoryview) -> bytes:
    return hashlib.sha256(content).digest()


def _unchanged(facts: dict[str, Any], stream: Any, status: os.stat_result) -> bool:
    if (facts["size"], facts["mtime_ns"]) != (status.st_size, status.st_mtime_ns):
        return False
    start = max(0, facts["covered"] - TAIL)
    stream.seek(start)
    tail = _digest(stream.read(facts["covered"] - start)).hex()
    stream.seek(0)
    return bool(tail == facts["tail"])


def _grown(content: bytes, facts: dict[str, Any], kept: pa.Table, schema: pa.Schema) -> pa.Table | None:
    """Return the cached table extended by new lines, or None if the earlier part of the log changed."""
    covered = facts["covered"]
    if len(content) < covered or _digest(content[:covered]).hex() != facts["content"]:
        return None
    try:
        return pa.concat_tables([kept, parse_lines(content[covered:], schema)])
    except BadLine:
        return None  # parsing the whole file gives the line number within the file


def _load(cached: Path, schema: pa.Schema) -> tuple[dict[str, Any], pa.Table] | None:
    """Return the facts and table of a cached file, or None if it is absent, torn, changed, or has other columns."""
    try:
        content = cached.read_bytes()
    except OSError:
        return None
    start = len(MARK) + len(VERSION) + DIGEST
    body = memoryview(content)[start:]
    if content[:start] != MARK + VERSION + _digest(body):
        return None
    with pa.ipc.open_stream(body) as reader:
        table = reader.read_all()
    facts = json.loads(table.schema.metadata[MARK])
    table = table.replace_schema_metadata(None)
    return (facts, table) if table.schema.equals(schema) else None


def _keep(cached: Path, table: pa.Table, facts: dict[str, Any]) -> None:
    sink = pa.BufferOutputStream()
    noted = table.combine_chunks().replace_schema_metadata({MARK: json.dumps(facts).encode()})
    with pa.ipc.new_stream(sink, noted.schema) as writer:
        writer.write_table(noted)
    body = sink.getvalue().to_pybytes()
    temporary = cached.with_name(f".{cached.name}.{os.getpid()}")
    try:
        cached.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(MARK + VERSION + _digest(body) + body)  # not synced: a torn file is detected
        os.replace(temporary, cached)
    except OSError as error:
        say_once(
            f"note: columns of the logs cannot be cached in {cached.parents[2]}: {error.strerror or error}"
        )


_said: set[str] = set()


def say_once(sentence: str) -> None:
    """Print a note on stderr, only the first time it is given."""
    if sentence not in _said:
        _said.add(sentence)
        print(sentence, file=sys.stderr)
