"""A row in a user's own file, `path/to/file.py:name`: checked by its syntax tree, hashed, and imported when used."""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.util
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from sspo.config.plugins.held import once
from sspo.config.plugins.kinds import PluginKind
from sspo.errors import UserError, shown, unknown

DIGITS = 12
HOUSE = ("sspo", "sweeps", "analysis")
"""Packages of the project itself: env.json has the hash of their code."""


def is_file(name: str) -> bool:
    """Return whether a row's name is a file and a name in it."""
    return ".py:" in name


@dataclass(frozen=True)
class OwnFile:
    """One row of a user's file."""

    kind: PluginKind
    key: str
    """The option that names it, for messages."""
    name: str
    """The name as given."""

    @property
    def path(self) -> Path:
        """Return the file, relative to the working directory if it is given so. Raises UserError."""
        try:
            return Path(self.name.rpartition(":")[0]).expanduser()
        except RuntimeError as error:  # the home folder of an unknown user
            raise UserError(f"{self.key}={self.name}: {error}") from error

    @property
    def attribute(self) -> str:
        """Return the name in the file."""
        return self.name.rpartition(":")[2]

    @property
    def label(self) -> str:
        """Return a short name for keys of logs."""
        return self.attribute

    @property
    def digest(self) -> str:
        """Return twelve hexadecimal digits of the file's content."""
        return hashlib.sha256(self._content()).hexdigest()[:DIGITS]

    def check(self) -> None:
        """Raise UserError unless the file is Python, defines the name and imports no file beside it."""
        path, tree = self.path, self.tree()
        names = list(_defined(tree))
        if self.attribute not in names:
            raise unknown(f"{self.kind.exports} of {path}", self.attribute, names)
        for module in _imported(tree):
            beside = _beside(path, module)
            if beside is not None:
                raise UserError(
                    f"{self.key}={self.name}: {path.name} imports '{module}', which is {beside}, and a cell is named by the content "
                    f"of {path.name} alone: keep a {self.kind.word} in one file, or offer it as an entry point of a package"
                )

    def tree(self) -> ast.Module:
        """Return the syntax tree. Raises UserError if the file cannot be parsed."""
        try:
            return _parsed(self._content())
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise UserError(f"{self.key}={self.name}: {self.path} is not Python: {error}") from error

    def load(self) -> Any:
        """Run the file, once per content, and return its object with the name. Raises UserError."""
        content = self._content()
        module = _module(self.path.resolve(), content, f"{self.key}={self.name}")
        try:
            return getattr(module, self.attribute)
        except AttributeError as error:
            self.check()
            raise UserError(
                f"{self.key}={self.name}: {self.path} has no '{self.attribute}' after it ran"
            ) from error

    def _content(self) -> bytes:
        path = self.path
        try:
            if path.exists() and not path.is_file():
                raise UserError(f"{self.key}={self.name}: {path} is not a file; write path/to/file.py:name")
            return once(path.resolve(), path.read_bytes)
        except (OSError, RuntimeError, ValueError) as error:  # RuntimeError: a link that leads to itself
            why = getattr(error, "strerror", None) or error
            raise UserError(
                f"{self.key}={self.name}: cannot read {shown(str(path))[1:-1]} ({why}); write path/to/file.py:name"
            ) from error


@functools.lru_cache(maxsize=64)
def _parsed(content: bytes) -> ast.Module:
    return ast.parse(content)


class _Content(SourceFileLoader):
    """Runs the content that was hashed; earlier compiled code is ignored."""

    def __init__(self, name: str, path: str, content: bytes):
        super().__init__(name, path)
        self.content = content

    def get_code(self, fullname: str) -> CodeType:
        """Return the compiled content."""
        code: CodeType = self.source_to_code(self.content, self.path)
        return code


@functools.lru_cache(maxsize=64)
def _module(path: Path, content: bytes, said: str) -> ModuleType:
    name = f"_own_{path.stem}_{hashlib.sha256(str(path).encode() + content).hexdigest()[:DIGITS]}"
    if name in sys.modules:
        return sys.modules[name]
    loader = _Content(name, str(path), content)
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    assert spec is not None, path
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look up their module
    try:
        loader.exec_module(module)
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, UserError) or not isinstance(error, Exception):
            raise
        raise UserError(f"{said}: {failure(error, path)}") from error
    return module


def failure(error: Exception, path: Path) -> str:
    """Return a sentence about a file that raised while it ran: its line, and the error."""
    lines = [
        frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)
    ]
    where = f"line {lines[-1]} of {path.name}" if lines else path.name
    return f"{where} fails on import ({type(error).__name__}: {' '.join(str(error).split())})"


def _defined(tree: ast.Module) -> Iterator[str]:
    """Yield the public names of the file's top level: functions, classes and assignments."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (target.id for target in targets if isinstance(target, ast.Name))


def _imported(tree: ast.Module) -> Iterator[str]:
    """Yield the first name of every module that a file imports; `.` for a relative import."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." if node.level else (node.module or "").partition(".")[0]


def _beside(path: Path, module: str) -> Path | None:
    """Return the file or folder beside the user's file, or in the working directory, that an import would read."""
    if module == ".":
        return path.parent
    if module in HOUSE:
        return None
    places = dict.fromkeys((path.resolve().parent, Path.cwd()))
    candidates = (place / name for place in places for name in (f"{module}.py", module))
    return next(
        (found for found in candidates if (found.suffix == ".py" and found.is_file()) or found.is_dir()), None
    )
