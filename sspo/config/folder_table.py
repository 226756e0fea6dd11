"""A table that is a folder: each file is a row, named after the file. A new row is one new file.

Listing the names imports no row, so a command line can be checked without torch; a row is imported when it is used.
sspo/runs/code_key.py follows `FolderTable(folder, export)` to the rows, which no name in the code refers to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Generic, TypeVar

ROOT = Path(__file__).resolve().parents[2]
Row = TypeVar("Row")


def names_in(folder: str, root: Path = ROOT) -> tuple[str, ...]:
    """Return the names of a folder's rows, sorted; `folder` is dotted, such as `sspo.tasks`."""
    stems = (path.stem for path in root.joinpath(*folder.split(".")).glob("*.py"))
    return tuple(sorted(stem for stem in stems if stem.isidentifier() and not stem.startswith("_")))


class FolderTable(Mapping[str, Row], Generic[Row]):
    """The objects that each file of a folder exports under one name, by the file's name."""

    def __init__(self, folder: str, export: str):
        self.folder = folder
        self.export = export

    def __getitem__(self, name: str) -> Row:
        if name not in names_in(self.folder):
            raise KeyError(name)
        row: Row = getattr(import_module(f"{self.folder}.{name}"), self.export)
        return row

    def __iter__(self) -> Iterator[str]:
        return iter(names_in(self.folder))

    def __len__(self) -> int:
        return len(names_in(self.folder))
