"""Limits of an import. Every limit is listed here and in docs/logs.md; input beyond a limit is refused before it is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sspo.errors import UserError

MOST_BYTES = 512 * 2**20
"""Bytes of one file; of a Parquet file, unpacked."""
MOST_CELLS = 50_000_000
"""Rows times columns of a table, and of all steps and metrics of an import."""
MOST_NUMBERS = 20_000_000
"""Logged numbers of one run."""
MOST_RUNS = 5_000
"""Runs of one import."""
MOST_SETTINGS_BYTES = 2**20
"""Bytes of a mapping file or a run's config.yaml."""
DEEPEST = 50
"""Nesting levels of such a file, or of an object in a log."""
LONGEST_PATH = 200
SHOWN = 60
"""Characters of foreign text that a message quotes."""


def shown(value: Any) -> str:
    """Format a foreign value for messages: bounded, on one line, and always encodable."""
    text = value[: SHOWN + 1] if isinstance(value, str) else value
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**18:
        return "a number of more than 18 digits"
    quoted = clean(repr(text))
    return quoted if len(quoted) <= SHOWN else quoted[:SHOWN] + "..."


def clean(text: str) -> str:
    """Return text without lone surrogates, which no file can hold: they become `\\udc80` and the like."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def shown_path(path: Path | str) -> str:
    """Format a path for messages: only its end if it is long."""
    text = clean(str(path))
    return text if len(text) <= LONGEST_PATH else f"...{text[-LONGEST_PATH:]}"


def check_file(path: Path, most: int = MOST_BYTES) -> Path:
    """Return the path of a regular file of at most `most` bytes. Raises UserError if it is not one, or OSError if it does not exist."""
    size = path.stat().st_size
    if not path.is_file():
        raise UserError(f"{shown_path(path)} is not a regular file: pass the log itself")
    if size > most:
        raise UserError(
            f"{clean(path.name)} has {size:,} bytes, and an import reads at most {most:,} per file: "
            "export fewer metrics or rows"
        )
    return path


def check_cells(name: str, rows: int, columns: int) -> None:
    """Raise UserError for a table that is too large to hold."""
    if rows * columns > MOST_CELLS:
        raise UserError(
            f"{clean(name)} has {rows:,} rows and {columns:,} columns, and an import holds at most "
            f"{MOST_CELLS:,} cells: export fewer metrics or rows"
        )


def check_runs(name: str, runs: int) -> None:
    """Raise UserError for more runs than a study can show."""
    if runs > MOST_RUNS:
        raise UserError(
            f"{clean(name)} holds {runs:,} runs, and an import takes at most {MOST_RUNS:,}: "
            "does a column called run, arm or seed name something else?"
        )


def check_numbers(name: str, count: int) -> None:
    """Raise UserError for more logged numbers than one run may have."""
    if count > MOST_NUMBERS:
        raise UserError(
            f"{clean(name)} holds more than {MOST_NUMBERS:,} numbers of one run: export fewer metrics or rows"
        )
