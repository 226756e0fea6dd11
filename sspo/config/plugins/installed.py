"""Rows that installed packages offer as entry points: listed from metadata, hashed from source, imported when used."""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib
import re
import sys
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from sspo.config.plugins.held import once
from sspo.config.plugins.kinds import RowKind
from sspo.config.plugins.own_file import DIGITS, failure
from sspo.errors import UserError

NAME = re.compile(r"[A-Za-z_][\w-]*")


@dataclass(frozen=True)
class Installed:
    """One entry point."""

    kind: RowKind
    key: str
    name: str
    point: EntryPoint

    @property
    def label(self) -> str:
        """A short name for keys of logs."""
        return self.name

    @property
    def attribute(self) -> str:
        """The name in its module."""
        return self.point.attr

    @property
    def digest(self) -> str:
        """Twelve hexadecimal digits of what it names and of every Python file of its top-level package."""
        return once((self.kind.group, self.name), self._digest)

    def check(self) -> None:
        """Raise UserError unless its module is there and it names something in it."""
        if not self.point.attr:
            raise UserError(f"{self._said()} must name a module and a name in it, as in package.module:name")
        self._source()

    def tree(self) -> ast.Module:
        """The syntax tree of its module, which is not imported. Raises UserError."""
        path = self._source()
        try:
            return ast.parse(path.read_bytes())
        except (OSError, SyntaxError, ValueError, RecursionError) as error:
            raise UserError(f"{self._said()}: {path} cannot be parsed ({error})") from error

    def load(self) -> Any:
        """Import its module and return what it names. Raises UserError."""
        self.check()
        try:
            return self.point.load()
        except UserError:
            raise
        except Exception as error:
            raise UserError(f"{self._said()}: {failure(error, self._source())}") from error

    def _digest(self) -> str:
        files = ((name, path, path.stat()) for name, path in sorted(self._files()))
        looks = tuple((name, path, found.st_size, found.st_mtime_ns) for name, path, found in files)
        return _digest(self.point.value, looks)

    def _files(self) -> Iterator[tuple[str, Path]]:
        top = self.point.module.partition(".")[0]
        spec = _spec(top)
        if spec is None:
            raise self._missing(top)
        if spec.submodule_search_locations is None:
            yield f"{top}.py", Path(str(spec.origin))
        for place in map(Path, spec.submodule_search_locations or ()):
            for path in place.rglob("*.py"):
                if path.is_file():
                    yield path.relative_to(place).as_posix(), path

    def _source(self) -> Path:
        spec = _spec(self.point.module)
        if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
            raise self._missing(self.point.module)
        return Path(spec.origin)

    def _missing(self, module: str) -> UserError:
        return UserError(
            f"{self._said()} names module '{module}', which has no source on Python's path: install the package again"
        )

    def _said(self) -> str:
        return f"entry point {self.name} = {self.point.value} of {package(self.point)} ({self.kind.group})"


@functools.lru_cache(maxsize=64)
def _digest(value: str, looks: tuple[tuple[str, Path, int, int], ...]) -> str:
    """Of an entry point's value and the content of files; made again only where a file looks unlike before."""
    content = hashlib.sha256(value.encode())
    for name, path, *_ in looks:
        content.update(f"\0{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}".encode())
    return content.hexdigest()[:DIGITS]


def names(kind: RowKind) -> tuple[str, ...]:
    """The names that installed packages offer; nothing of theirs is imported."""
    return tuple(_points(kind.group, tuple(sys.path)))


def find(kind: RowKind, key: str, name: str, house: Container[str]) -> Installed | None:
    """Return the entry point of that name, None if there is none. Raises UserError where a name stands for two things."""
    found = _points(kind.group, tuple(sys.path)).get(name)
    if found is None:
        return None
    if name in house:
        raise UserError(
            f"package {package(found[0])} offers {kind.word} '{name}', which is the name of one of sspo's: rename it in "
            f"{kind.group} of {package(found[0])}, or uninstall it"
        )
    if len(found) > 1:
        raise UserError(
            f"packages {' and '.join(map(package, found))} both offer {kind.word} '{name}': rename it in one of them, or "
            "uninstall one"
        )
    return Installed(kind, key, name, found[0])


def package(point: EntryPoint) -> str:
    """The name of the distribution that offers an entry point."""
    return point.dist.name if point.dist is not None else "?"


@functools.lru_cache(maxsize=32)
def _points(group: str, path: tuple[str, ...]) -> Mapping[str, tuple[EntryPoint, ...]]:
    del path
    found: dict[str, tuple[EntryPoint, ...]] = {}
    for point in sorted(entry_points(group=group), key=lambda one: (one.name, package(one))):
        if NAME.fullmatch(point.name):
            found[point.name] = (*found.get(point.name, ()), point)
    return found


def _spec(module: str) -> ModuleSpec | None:
    """Where a module is, without an import of it or of the packages above it."""
    importlib.invalidate_caches()
    places: Any = None
    spec = None
    for depth in range(module.count(".") + 1):
        whole = ".".join(module.split(".")[: depth + 1])
        finders = (finder.find_spec(whole, places) for finder in sys.meta_path)
        spec = next((found for found in finders if found is not None), None)
        if spec is None:
            return None
        places = spec.submodule_search_locations
        if places is None and whole != module:
            return None
    return spec
