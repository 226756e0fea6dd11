"""One lookup for the three places of a name: the project's table, installed packages, a user's file."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from typing import Any, Generic, TypeVar

from sspo.config.plugins import installed
from sspo.config.plugins.installed import Installed
from sspo.config.plugins.kinds import KINDS
from sspo.config.plugins.own_file import OwnFile, is_file
from sspo.errors import UserError, unknown

Row = TypeVar("Row")
Plugin = OwnFile | Installed


def names_of(word: str, house: Iterable[str]) -> list[str]:
    """Return every name of a kind that needs no file: built-in and installed ones. Nothing is imported."""
    return sorted({*house, *installed.names(KINDS[word])})


def find(word: str, name: str, house: Container[str], key: str | None = None) -> Plugin | None:
    """Return the plug-in of that name, or None for a built-in row or an unknown name. Raises UserError."""
    kind = KINDS[word]
    said = kind.keys[0] if key is None else key
    if is_file(name):
        return OwnFile(kind, said, name)
    return installed.find(kind, said, name, house)


def check(word: str, name: str, house: Iterable[str], key: str | None = None) -> None:
    """Raise UserError unless the name is built in, or in an installed package or a user's file; runs nothing."""
    known = tuple(house)
    plugin = find(word, name, known, key)
    if plugin is not None:
        plugin.check()
    elif name not in known:
        raise unknown(KINDS[word].keys[0] if key is None else key, name, names_of(word, known))


def identity_of(word: str, name: str, house: Container[str]) -> str:
    """Return a name's part of a cell's hash: itself if built in, else the name and a digest of the code behind it."""
    plugin = find(word, name, house)
    return name if plugin is None else f"{plugin.label}@{plugin.digest}"


def label_of(word: str, name: str, house: Container[str]) -> str:
    """Return a row's name in logs: without the path of a user's file."""
    plugin = find(word, name, house)
    return name if plugin is None else plugin.label


def called(plugin: Plugin) -> Any:
    """Return the function of a plug-in. Raises UserError if it is not one."""
    found = plugin.load()
    if not callable(found):
        raise UserError(f"{plugin.key}={plugin.name} must be a function, got {type(found).__name__}")
    return found


def made(plugin: Plugin, found: Any, members: Iterable[str]) -> Any:
    """Return the object that a plug-in's function made. Raises UserError if it lacks a member of its protocol."""
    missing = [name for name in members if not hasattr(found, name)]
    if missing:
        raise UserError(
            f"{plugin.key}={plugin.name} returned {type(found).__name__} without {', '.join(missing)}: docs/extending.md "
            f"has what a {plugin.kind.word} must have"
        )
    return found


def maker(plugin: Plugin, members: Iterable[str]) -> Any:
    """Return the function of a plug-in that makes an object of a protocol, whose result is checked."""
    function = called(plugin)
    return lambda config: made(plugin, function(config), members)


class PluginTable(Mapping[str, Row], Generic[Row]):
    """Rows by name. Iteration covers only built-in ones, so that pages and probes do not depend on installed packages."""

    def __init__(self, word: str, house: Mapping[str, Row], read: Callable[[Plugin], Row] = called):
        self.word = word
        self.house = house
        self.read = read

    def __getitem__(self, name: str) -> Row:
        plugin = find(self.word, name, self.house)
        return self.house[name] if plugin is None else self.read(plugin)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and (name in self.house or find(self.word, name, self.house) is not None)

    def __iter__(self) -> Iterator[str]:
        return iter(self.house)

    def __len__(self) -> int:
        return len(self.house)
