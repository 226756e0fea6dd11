"""JSON and JSON lines from untrusted sources, one object at a time: bounded, without NaN, and errors name the line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from analysis.importers.limits import MOST_BYTES, check_file, clean, shown
from sspo.errors import UserError

LONGEST_LINE = 64 * 2**20
"""Maximum bytes of one line."""
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
TORN = "its last line is torn"


def first_object(path: Path) -> Mapping[str, Any]:
    """Return the object on a file's first line, by which it is recognized; empty if there is none."""
    with path.open("rb") as stream:
        line = stream.readline(LONGEST_LINE).removeprefix(BYTE_ORDER_MARK)
    try:
        found = json.loads(line.decode("utf-8"), parse_constant=str)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def objects(path: Path, notes: list[str] | None = None) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield line number and object of every line that is not blank. An unterminated last line that is not JSON is left out, with
    an entry in `notes`. Raises UserError for any other line that is not an object of finite numbers."""
    with check_file(path).open("rb") as stream:
        for number, line in enumerate(iter(lambda: stream.readline(LONGEST_LINE), b""), 1):
            if not line.strip():
                continue
            found = _object(line.removeprefix(BYTE_ORDER_MARK) if number == 1 else line)
            if isinstance(found, dict):
                yield number, found
            elif line.endswith(b"\n"):
                raise UserError(
                    f"{clean(path.name)} line {number} is {found}: remove it, or copy the file again"
                )
            elif notes is not None:
                notes.append(TORN)


def whole_object(path: Path, most: int = MOST_BYTES) -> dict[str, Any]:
    """Read the object of a JSON file. Raises UserError if it is not one."""
    found = _object(check_file(path, most).read_bytes())
    if not isinstance(found, dict):
        raise UserError(f"{clean(path.name)} is {found}: copy the file again")
    return found


def _object(line: bytes) -> dict[str, Any] | str:
    """Parse an object, or describe what the line is instead."""
    bad: list[str] = []
    try:
        found = json.loads(line.decode("utf-8"), parse_constant=bad.append)
    except UnicodeDecodeError:
        return "not UTF-8 text"
    except (ValueError, RecursionError):
        return "not a JSON object"
    if bad:
        return f"not JSON, which has no {bad[0]}"
    return found if isinstance(found, dict) else "not a JSON object"


def part(found: Any, *names: str) -> Any:
    """Return the value under names in nested objects; None if one of them is missing."""
    for name in names:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def named(value: Any, where: str, path: Path, number: int) -> str:
    """Return a required text. Raises UserError if it is missing or empty."""
    if not isinstance(value, str) or not value:
        raise UserError(f"{clean(path.name)} line {number} has no {where}, got {shown(value)}")
    return value
