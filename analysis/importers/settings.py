"""YAML from untrusted sources: its size, nesting and aliases are checked before anything is built from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from analysis.importers.limits import DEEPEST, check_file, shown_path
from sspo.errors import UserError

OPENS = (yaml.SequenceStartEvent, yaml.MappingStartEvent)
CLOSES = (yaml.SequenceEndEvent, yaml.MappingEndEvent)


def check_settings(path: Path, most: int) -> str:
    """Return the text of a YAML file that is small, UTF-8, not deeply nested and without aliases. Raises UserError otherwise."""
    content = check_file(path, most).read_bytes()
    name = shown_path(path)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UserError(f"{name} line {line} is not UTF-8: save the file as UTF-8") from error
    depth = 0
    try:
        for event in yaml.parse(
            text, Loader=yaml.CSafeLoader
        ):  # parsing events builds no objects and does not recurse
            depth += isinstance(event, OPENS) - isinstance(event, CLOSES)
            if depth > DEEPEST:
                raise UserError(f"{name} nests deeper than {DEEPEST} levels at line {_line(event)}")
            if isinstance(event, yaml.AliasEvent):
                raise UserError(f"{name} line {_line(event)} has an alias (*name): write the value out")
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark else ""
        raise UserError(
            f"{name} is not valid YAML{where}: {getattr(error, 'problem', None) or 'it cannot be read'}"
        ) from error
    return text


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def read_settings(path: Path, most: int) -> dict[str, Any]:
    """Read the mapping of names to values in a YAML file; an empty file gives an empty one. Raises UserError if it is not valid."""
    text = check_settings(path, most)
    try:
        loaded = yaml.load(text, Loader=yaml.CSafeLoader)
    except (yaml.YAMLError, ValueError) as error:
        words = " ".join(str(error).split())[:120]
        raise UserError(f"{shown_path(path)} holds a value that cannot be read ({words})") from error
    if loaded is None:
        return {}
    if not isinstance(loaded, dict) or not all(isinstance(key, str) for key in loaded):
        raise UserError(f"{shown_path(path)} must hold a mapping of names to values")
    return loaded
