"""Which tool wrote the results by question that lie at a path, by what the files hold. A new tool is a file and a row here."""

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
"""Of these that a folder is searched for."""
DEEPEST = 6
"""Folders below the one that is given."""


@dataclass(frozen=True)
class Reader:
    """A tool: whether a file is one of its own (by the first object of JSON lines, or the columns of Parquet), and how its
    files are read, given the metrics that were asked for."""

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
    """The evaluations that a file or folder holds, in the order of files; none where it holds no results by question.

    `metrics` are those that may score, where a tool gives several an answer. Raises UserError where files of two tools lie
    there, or one cannot be read.
    """
    try:
        found = _files_by_tool(path)
        if len(found) > 1:
            raise UserError(
                f"{shown_path(path)} holds results of {' and '.join(found)}: give them one by one"
            )
        return [one for tool, files in found.items() for one in READERS[tool].read(files, metrics)]
    except OSError as error:
        said = error.strerror or " ".join(str(error).split())
        raise UserError(f"{shown_path(path)} cannot be read ({said})") from error


def holds_outcomes(path: Path) -> bool:
    """Whether results by question lie at a path."""
    try:
        return bool(_files_by_tool(path))
    except OSError:  # whoever reads logs says what is wrong with it
        return False


def _files_by_tool(path: Path) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for file in _files(path):
        if (tool := _tool(file)) is not None:
            found.setdefault(tool, []).append(file)
    return found


def _files(path: Path) -> Iterator[Path]:
    """The file itself, or the JSON lines and Parquet files of a folder; run folders of ours are logs and stay out."""
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
                        f"{shown_path(path)} holds more than {MOST_FILES:,} files of results or logs: give the folder of one "
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
        except (pa.ArrowException, OSError, ValueError):  # whoever reads tables says what is wrong with it
            return None
        return next((name for name, reader in READERS.items() if reader.columns(columns)), None)
    row = first_object(path)
    return next((name for name, reader in READERS.items() if reader.row(row)), None) if row else None
