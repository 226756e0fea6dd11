"""User-supplied JSON files: bounded before they are read, and refused in one sentence if they are invalid."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from sspo.errors import UserError

LARGEST = 256_000_000
"""Maximum bytes of a file: many times the largest that the project writes."""
HALF = re.compile(rb"\\u[dD][89a-fA-F]")
"""An escape that may be half a character."""


def parse_json(content: bytes) -> Any:
    """Return the content of JSON text. Raises ValueError, in words, for bytes that are not text, NaN, infinities, and
    deep nesting.

    Half a character (a lone surrogate), with which no file could be written, becomes its escape, as in messages about
    file names that are not text.
    """

    def refuse(word: str) -> Any:
        raise ValueError(f"{word} is not JSON")

    try:
        found = json.loads(content.decode("utf-8"), parse_constant=refuse)
        return _whole(found) if HALF.search(content) else found
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start + 1} is not UTF-8 text") from error
    except RecursionError as error:
        raise ValueError("it nests too deeply") from error


def read_json(path: Path, remedy: str) -> Any:
    """Return a JSON file's content. Raises UserError with a remedy, and FileNotFoundError or NotADirectoryError if it
    does not exist.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise ValueError(f"it is larger than {LARGEST // 1_000_000} MB")
        return parse_json(content)
    except (FileNotFoundError, NotADirectoryError):
        raise
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise UserError(f"{path} is damaged ({error}); {remedy}") from error


def read_object(path: Path, remedy: str) -> dict[str, Any] | None:
    """Return the object in a JSON file, or None if the file does not exist. Raises UserError with a remedy for an
    invalid one.
    """
    try:
        content = read_json(path, remedy)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not isinstance(content, dict):
        raise UserError(f"{path} is damaged: it does not hold an object; {remedy}")
    return content


def _whole(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, list):
        return [_whole(item) for item in value]
    return {_whole(key): _whole(item) for key, item in value.items()} if isinstance(value, dict) else value
