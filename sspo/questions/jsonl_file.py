"""User-supplied JSON Lines files: bounded in size, and refused with the number of the invalid line."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sspo.config.json_file import LARGEST, parse_json
from sspo.errors import UserError, nearest, shown
from sspo.questions.columns import Columns, problems
from sspo.questions.golds import OF_FILES
from sspo.questions.question_set import QuestionSet, question_set

ARRAY = re.compile(rb"\s*\[\s*(\{|$)")
"""First line of a file that is one JSON array."""
HEADER = re.compile(rb'"?\w[\w .-]*"?\s*[,;\t]')
"""First line of a CSV file with column names."""

Look = tuple[int, int]
"""A file's modification time (ns) and its size (bytes)."""


def read_file(path: Path, key: str, columns: Columns) -> QuestionSet:
    """Return the questions of a file that an option names (`key`). Raises UserError if it cannot be read or is invalid."""
    look = look_at(path)
    if look is None:
        raise UserError(f"{key}={path}: {why_absent(path)}")
    return _read(path, look, columns, key)


def look_at(path: Path) -> Look | None:
    """Return a file's modification time and size, or None if it does not exist."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return (status.st_mtime_ns, status.st_size) if path.is_file() else None


def why_absent(path: Path) -> str:
    """Return the reason that a file cannot be found, and the file that may have been meant."""
    if not path.parent.is_dir():
        return f"no folder {path.parent}"
    if path.is_dir():
        return "it is a folder, not a JSON Lines file"
    close = nearest(path.stem, [found.stem for found in path.parent.glob("*.jsonl")])
    return "no such file" + (f"; the nearest is {path.parent / f'{close}.jsonl'}" if close else "")


@functools.lru_cache(maxsize=64)
def _read(path: Path, _look: Look, columns: Columns, key: str) -> QuestionSet:
    where = f"{key}={path}"
    remedies = {"question": "task.question", "answer": "task.answer"}
    if columns.id != Columns().id:
        remedies["id"] = "task.id"
    return question_set(problems(rows(path, where), columns, where, remedies=remedies), where)


@functools.lru_cache(maxsize=64)
def read_kept(
    path: Path, _look: Look, columns: tuple[Columns, ...], gold: str, only: tuple[str, ...]
) -> QuestionSet:
    """Return a file of a folder of sets, read with the first of `columns` that its first row has; see read_set in
    folder.py.
    """
    table = list(rows(path, str(path)))
    first = table[0][1] if table else {}
    fitting = [one for one in columns if {one.question, one.answer} <= set(first)]
    used = (fitting or columns)[0]
    if only:
        table = [(line, row) for line, row in table if _counts(row, only, f"{path}, line {line}")]
    extract = OF_FILES[gold if used == columns[0] else "plain"]
    return question_set(problems(table, used, str(path), gold=extract), str(path))


def _counts(row: dict[str, Any], only: tuple[str, ...], at: str) -> bool:
    """Return whether a row has one of the values that count. Raises UserError if it lacks their column."""
    if only[0] not in row:
        raise UserError(
            f"{at}: no column '{only[0]}', by whose values questions are taken ({', '.join(only[1:])}): it has "
            f"{', '.join(map(shown, sorted(row)[:15])) or 'none'}"
        )
    return str(row[only[0]]) in only[1:]


def rows(path: Path, where: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line number from 1, row) for each line that is not blank. Raises UserError with the number of an invalid
    line.

    `where` names the file in messages.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(LARGEST + 1)
    except OSError as error:
        raise UserError(f"{where} cannot be read: {error.strerror}") from error
    if len(content) > LARGEST:
        raise UserError(f"{where} is larger than {LARGEST // 1_000_000} MB")
    first = True
    for line, text in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        if not text.strip():
            continue
        form = _other_form(text) if first else None
        if form:
            raise UserError(
                f"{where}, line {line}: one JSON object per line is required; this looks like {form}"
            )
        first = False
        try:
            row = parse_json(text)
        except ValueError as error:
            raise UserError(f"{where}, line {line}: not JSON ({error})") from error
        if not isinstance(row, dict):
            raise UserError(f"{where}, line {line}: a row must be a JSON object with named columns")
        yield line, row


def _other_form(text: bytes) -> str | None:
    """Return the format of a file whose first line cannot begin a JSON Lines file, or None."""
    if ARRAY.match(text):
        return "one JSON array"
    return "CSV" if HEADER.match(text) else None
