"""A table that is a folder: each file is a row, named after the file. A new row is one new file.

Listing the names imports no row, so a command line can be checked without torch; a row is imported when it is used.
sspo/runs/code_key.py follows `FolderTable(folder, export)` to the rows, which no name in the code refers to.
"""

from __future__ import annotations

import ast
import functools
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


@functools.cache
def defines(folder: str, name: str, export: str) -> bool:
    """Return whether a row's file defines a function of that name. The file is parsed and not imported."""
    if name not in names_in(folder):
        return False
    tree = ast.parse(ROOT.joinpath(*folder.split("."), f"{name}.py").read_bytes())
    return any(isinstance(node, ast.FunctionDef) and node.name == export for node in tree.body)


class FolderTable(Mapping[str, Row], Generic[Row]):
    """The objects that each file of a folder exports under one name, by the file's name.

    With `some`, only the files that define a function of that name are rows.
    """

    def __init__(self, folder: str, export: str, *, some: bool = False):
        self.folder = folder
        self.export = export
        self.some = some

    def __getitem__(self, name: str) -> Row:
        if name not in self._names():
            raise KeyError(name)
        row: Row = getattr(import_module(f"{self.folder}.{name}"), self.export)
        return row

    def __iter__(self) -> Iterator[str]:
        return iter(self._names())

    def __len__(self) -> int:
        return len(self._names())

    def _names(self) -> tuple[str, ...]:
        names = names_in(self.folder)
        return tuple(n for n in names if defines(self.folder, n, self.export)) if self.some else names
