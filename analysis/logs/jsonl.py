"""JSON lines to columns: Arrow's parser for valid logs, and a slow one that names the bad line of any other.

The fast parser is used only if the slow one would give the same result: Arrow's parser alone accepts NaN, two objects on a line,
an object over two lines, and bytes that are not text. A number has the value that Arrow gives to its digits.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

BLANK = b" \t\r"
NO_JSON = (b"NaN", b"Infinity")
SHOWN = 40
"""Characters of a bad value in a message."""


class BadLine(Exception):
    """A line that is not a row of the schema: its number, counted from 1, and the reason."""

    def __init__(self, line: int, why: str):
        super().__init__(f"line {line}: {why}")


class _Number(str):
    """The digits of a number as they are written in the file."""


def parse_lines(content: bytes, schema: pa.Schema) -> pa.Table:
    """Parse whole lines into a table of `schema` (string, number and boolean columns).

    A column that a line lacks, or has as null, is null; names that are not in the schema are ignored. Raises BadLine for
    the first line that is not a JSON object, or that holds NaN, Infinity or a value that does not fit its column.
    """
    if not content:
        return schema.empty_table()
    table = _fast(content, schema)
    return table if table is not None else parse_slowly(content, schema)


def check_filled(table: pa.Table, columns: Sequence[str]) -> None:
    """Raise BadLine for the first row that lacks one of `columns`."""
    for name in columns:
        column = table.column(name)
        if column.null_count:
            raise BadLine(pc.index(column.is_null(), True).as_py() + 1, f"{name} is missing")


def stated(content: bytes, name: str) -> pa.Array:
    """Return, for each row of `parse_lines`, whether its line has the name at all, even with null."""
    key = re.compile(rb'"%s"[ \t]*:' % name.encode())  # in a text the quotes would be escaped
    lines = (line for line in content.split(b"\n") if line.removeprefix(b"\xef\xbb\xbf").strip(BLANK))
    return pa.array([key.search(line) is not None for line in lines], pa.bool_())


def whole_lines(content: bytes) -> bytes:
    """Return the content without an unterminated last line: the process was killed while writing, or is still writing."""
    return content[: content.rfind(b"\n") + 1]


def _fast(content: bytes, schema: pa.Schema) -> pa.Table | None:
    """Parse with Arrow. Return None if it refuses the content or could differ from JSON."""
    if any(word in content for word in NO_JSON) or not _is_text(content) or not _plain(content):
        return None
    options = pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")
    reading = pj.ReadOptions(use_threads=False, block_size=max(len(content), 1))
    try:
        table = pj.read_json(io.BytesIO(content), read_options=reading, parse_options=options)
    except pa.ArrowInvalid:
        return None
    return table if len(table) == content.count(b"\n") and _finite(table) else None


def _plain(content: bytes) -> bool:
    """Return whether every line begins and ends as an object: then no object crosses a line's end (`}` and `{` never meet inside
    one), and equal numbers of rows and lines mean one row per line."""
    ends = content.count(b"}\n{") + 1
    return content.startswith(b"{") and content.endswith(b"}\n") and ends == content.count(b"\n")


def _is_text(content: bytes) -> bool:
    try:
        return content.isascii() or bool(content.decode("utf-8"))
    except UnicodeDecodeError:
        return False


def _finite(table: pa.Table) -> bool:
    floats = [c for c in table.columns if pa.types.is_floating(c.type)]
    return all(np.isfinite(_filled(chunk)).all() for column in floats for chunk in column.chunks)


def _filled(chunk: pa.Array) -> Any:
    return pc.fill_null(chunk, 0.0).to_numpy(zero_copy_only=False)


def parse_slowly(content: bytes, schema: pa.Schema) -> pa.Table:
    """Return the same as parse_lines, line by line with the standard library's parser."""
    wanted = frozenset(schema.names)
    numbers: list[int] = []
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(content.split(b"\n"), 1):
        text = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
        if text.strip(BLANK):
            rows.append(_row(text, number, wanted))
            numbers.append(number)
    columns = [_column([row.get(f.name) for row in rows], f, numbers) for f in schema]
    return pa.Table.from_arrays(columns, schema=schema)


def _row(line: bytes, number: int, wanted: frozenset[str]) -> dict[str, Any]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        row = dict(pairs)
        if len(row) < len(pairs):
            twice = next(k for i, (k, _) in enumerate(pairs) if k in [name for name, _ in pairs[:i]])
            if twice in wanted:
                raise BadLine(number, f"{twice} appears twice")
        return row

    def refuse(word: str) -> Any:
        raise BadLine(number, f"{word} is not JSON")

    try:
        row = json.loads(
            line.decode("utf-8"),
            parse_float=_Number,
            parse_int=_Number,
            parse_constant=refuse,
            object_pairs_hook=once,
        )
    except UnicodeDecodeError as error:
        raise BadLine(number, "bytes that are not UTF-8 text") from error
    except RecursionError as error:
        raise BadLine(number, "nested too deeply") from error
    except ValueError as error:
        raise BadLine(number, f"not JSON ({error})") from error
    if not isinstance(row, dict):
        raise BadLine(number, "not a JSON object")
    return row


def _column(values: Sequence[Any], field: pa.Field, numbers: Sequence[int]) -> pa.Array:
    for value, number in zip(values, numbers, strict=True):
        if value is not None and not _fits(value, field.type):
            raise BadLine(number, f"{field.name} is {str(value)[:SHOWN]!r}, expected {field.type}")
    if pa.types.is_string(field.type) or pa.types.is_boolean(field.type):
        return pa.array(values, field.type)
    return pa.array([None if v is None else str(v) for v in values], pa.string()).cast(field.type)


def _fits(value: Any, kind: pa.DataType) -> bool:
    if pa.types.is_boolean(kind):
        return isinstance(value, bool)
    if pa.types.is_string(kind):
        return isinstance(value, str) and not isinstance(value, _Number) and _encodes(value)
    if not isinstance(value, _Number):
        return False
    try:
        number = pa.scalar(str(value)).cast(kind).as_py()
    except pa.ArrowInvalid:
        return False
    return bool(np.isfinite(number))


def _encodes(text: str) -> bool:
    try:
        return bool(text.encode("utf-8")) or True
    except UnicodeEncodeError:
        return False
