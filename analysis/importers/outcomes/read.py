"""The reader of results by question at a path, chosen by the content of the files. A new tool needs a file and an entry here."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from analysis.importers.limits import shown_path
from analysis.importers.outcomes import evalscope, lighteval, lm_eval, sspo, verl
from analysis.importers.outcomes.lines import first_object
from analysis.importers.outcomes.outcomes import Outcomes
from sspo.errors import UserError
from sspo.runs import runlog

SUFFIXES = (".jsonl", ".parquet")
MOST_FILES = 10_000
"""Maximum files of results or logs in a searched folder."""
DEEPEST = 6
"""Levels of folders below the given one."""


@dataclass(frozen=True)
class Reader:
    """The reader of a tool: it recognizes the tool's files (by the first object of JSON lines, or the columns of Parquet), and reads
    them, given the requested metrics."""

    read: Callable[[Sequence[Path], Sequence[str]], list[Outcomes]]
    row: Callable[[Mapping[str, Any]], bool] = lambda row: False
    columns: Callable[[set[str]], bool] = lambda columns: False


READERS: Mapping[str, Reader] = {
    "sspo": Reader(sspo.read, row=sspo.matches),
    "lm-eval": Reader(lm_eval.read, row=lm_eval.matches),
    "lighteval": Reader(lighteval.read, columns=lighteval.matches),
    "evalscope": Reader(evalscope.read, row=evalscope.matches),
    "verl": Reader(verl.read, row=verl.matches),
}


def read_outcomes(path: Path, metrics: Sequence[str] = ()) -> list[Outcomes]:
    """Read the evaluations of a file or folder, in the order of files; none if it holds no results by question.

    `metrics` are those that may score an answer, if a tool logs several. Raises UserError if it holds files of two tools,
    or if one cannot be read.
    """
    try:
        found = _files_by_tool(path)
        if len(found) > 1:
            raise UserError(
                f"{shown_path(path)} holds results of {' and '.join(found)}: pass them one by one"
            )
        return [one for tool, files in found.items() for one in READERS[tool].read(files, metrics)]
    except OSError as error:
        said = error.strerror or " ".join(str(error).split())
        raise UserError(f"{shown_path(path)} cannot be read ({said})") from error


def holds_outcomes(path: Path) -> bool:
    """Return whether there are results by question at a path."""
    try:
        return bool(_files_by_tool(path))
    except OSError:  # the reader of logs reports the problem
        return False


def _files_by_tool(path: Path) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for file in _files(path):
        if (tool := _tool(file)) is not None:
            found.setdefault(tool, []).append(file)
    return found


def _files(path: Path) -> Iterator[Path]:
    """Yield the file itself, or the JSON lines and Parquet files of a folder; our run folders are logs and are left out."""
    if not path.is_dir():
        yield from (path,) if path.is_file() and not _of_run(path.parent) else ()
        return
    count = 0
    for name, folders, files in os.walk(path):
        folder = Path(name)
        ours, deep = _of_run(folder), len(folder.relative_to(path).parts) >= DEEPEST
        folders[:] = [] if deep or ours else sorted(folders)
        for file in sorted(files) if not ours else ():
            if Path(file).suffix in SUFFIXES and (folder / file).is_file():
                count += 1
                if count > MOST_FILES:
                    raise UserError(
                        f"{shown_path(path)} holds more than {MOST_FILES:,} files of results or logs: pass the folder of one "
                        "evaluation"
                    )
                yield folder / file


def _of_run(folder: Path) -> bool:
    return (folder / runlog.METRICS).is_file() and (folder / runlog.CONFIG).is_file()


def _tool(path: Path) -> str | None:
    with path.open("rb") as stream:
        parquet = stream.read(4) == b"PAR1"
    if parquet:
        try:
            columns = set(pq.read_schema(path).names)
        except (pa.ArrowException, OSError, ValueError):  # the reader of tables reports the problem
            return None
        return next((name for name, reader in READERS.items() if reader.columns(columns)), None)
    row = first_object(path)
    return next((name for name, reader in READERS.items() if reader.row(row)), None) if row else None
