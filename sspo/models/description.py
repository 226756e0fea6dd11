"""The JSON files that describe a model folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sspo.errors import UserError

LONGEST = 200
"""Number of characters of a parser's error that a message repeats."""


def read_described(path: str, file: Path) -> Mapping[str, Any]:
    """Return the mapping in a file of the folder `model.path=path`; empty if the file does not exist.

    Raises UserError for a file that is damaged or holds something else.
    """
    if not file.is_file():
        return {}
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        why = f"{type(error).__name__}: {error}"[:LONGEST]
        raise UserError(f"model.path={path}: its {file.name} cannot be read: {why}") from error
    if not isinstance(content, dict):
        raise UserError(f"model.path={path}: its {file.name} does not hold a mapping")
    return content
