"""registrations/<study>.looks.jsonl: one line per look at a registered study before its end. Lines are appended and never changed."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from analysis.registration.record import FOLDER, REMEDY
from sspo.config.json_file import parse_json
from sspo.errors import UserError


@dataclass(frozen=True, kw_only=True)
class Look:
    """A report with tests, made before the end."""

    time: str
    preset: str
    seeds: int
    """Seeds per arm that had a result."""
    ended: int
    """Runs that had ended."""
    planned: bool

    def same(self, preset: str, seeds: int, ended: int) -> bool:
        """Return whether it was a look at the same data."""
        return (self.preset, self.seeds, self.ended) == (preset, seeds, ended)


def looks_path(study: str, folder: Path = FOLDER) -> Path:
    """Return the path of a study's looks."""
    return folder / f"{study}.looks.jsonl"


def read_looks(study: str, folder: Path = FOLDER) -> tuple[Look, ...]:
    """Return every look at a study, in order. Raises UserError for a line that is not a look."""
    path = looks_path(study, folder)
    try:
        lines = path.read_bytes().splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return ()
    try:
        return looks_from([parse_json(line) for line in lines if line.strip()])
    except (ValueError, UserError) as error:
        raise UserError(f"{path} is damaged ({error}); {REMEDY}") from error


def looks_from(lines: Sequence[Mapping[str, Any]]) -> tuple[Look, ...]:
    """Build looks from their plain content. Raises UserError if a line is not a look."""
    try:
        return tuple(
            Look(
                time=str(line["time"]),
                preset=str(line["preset"]),
                seeds=int(line["seeds"]),
                ended=int(line["ended"]),
                planned=bool(line["planned"]),
            )
            for line in lines
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"a look lacks a usable {error}") from error


def append_look(study: str, look: Look, folder: Path = FOLDER) -> None:
    """Append a look to the study's file. Raises UserError if that fails: a look that cannot be recorded must not be taken."""
    path = looks_path(study, folder)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(asdict(look), sort_keys=True) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise UserError(
            f"cannot record the look in {path}: {error.strerror}; a look that cannot be recorded is not taken"
        ) from error
