"""The code key: a hash of the code that a run's numbers come from, and of nothing else.

It is taken over syntax trees. Starting from the trainer, every function, class and constant that the code can reach by
name counts, with what each of its names stands for. So comments, docstrings, annotations of functions, layout, where in
the tree something stands and what nothing uses do not change the key. Every row of a table that is a folder counts, under its
name: which of them a run takes is its configuration's affair. A row of a user's own is not part of
the key: its content is in the cell. Logging, tracking and messages to the user end the
search: what they do is no number. The same source has the same key under Python 3.11 to 3.13.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sspo.config.folder_table import names_in
from sspo.config.places import APP
from sspo.config.places import PACKAGE as FOLDER
from sspo.runs.code_syntax import Place, bindings, canonical, imports

ROOT = FOLDER.parent
PACKAGE = "sspo"
ENTRY = ("sspo.trainer.loop", "Trainer")
TABLE = ("sspo.config.folder_table", "FolderTable")
"""What makes a folder's files into a table."""
NO_NUMBERS = (
    "sspo.config.plugins.held",
    "sspo.config.plugins.installed",
    "sspo.config.plugins.own_file",
    "sspo.trainer.clock",
    "sspo.config.schema:RunConfig",
    "sspo.config.schema:TrackingConfig",
    "sspo.trainer.environment",
    "sspo.errors",
    "sspo.hub.failures",
    "sspo.questions.hub_failures",
    "sspo.runs.fence",
    "sspo.runs.logfile",
    "sspo.console.progress",
    "sspo.trainer.probe",
    "sspo.runs.runlog",
    "sspo.runs.tracking",
    "sspo.trainer.sample_log",
    "sspo.trainer.clip_watch",
)
"""Modules, and names in one, whose code decides no number that a run logs: they write, time, watch and tell."""
DIGITS = 12
NOTE = Path(PACKAGE, "__pycache__", "code_key.json")
"""The last key, by what the files looked like, as Python keeps compiled code."""
ROUNDS = 6
"""How far apart two pieces of code may stand for a difference of one to change the hash of the other; far enough to
tell apart equal functions of two modules that use unequal ones."""


@dataclass(frozen=True)
class _Module:
    """What a module's top level binds."""

    statements: Mapping[str, tuple[ast.stmt, ...]]
    """By the name that they bind; those that bind none under the empty name."""
    imports: Mapping[str, Place]
    """Name to (module, name there); the name is empty where the module itself is bound."""


def code_key(root: Path = ROOT) -> str:
    """Twelve hexadecimal digits that name the numerics of a checkout's training code.

    Raises SyntaxError where a file of it cannot be parsed.
    """
    looks = _looks(root)
    if looks not in _known:
        _known[looks] = _kept(root, looks) or _keep(root, looks, make_key(root))
    return _known[looks]


_known: dict[str, str] = {}


def _looks(root: Path) -> str:
    """What the package's files look like from outside, so that a key is made again only where one changed."""
    found = sorted(path for path in (root / PACKAGE).rglob("*.py") if APP not in path.relative_to(root).parts)
    files = [path for path in found if path.is_file()]
    facts = [f"{path.relative_to(root)} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in files]
    return _digest(str(root), *facts)


def _kept(root: Path, looks: str) -> str | None:
    """The key that was noted beside the compiled code for files that look like this."""
    try:
        noted = json.loads((root / NOTE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    key = noted.get(looks) if isinstance(noted, dict) else None
    return key if isinstance(key, str) and len(key) == DIGITS else None


def _keep(root: Path, looks: str, key: str) -> str:
    """Note a key, where the checkout can be written."""
    note = root / NOTE
    temporary = note.with_name(f".{note.name}.{os.getpid()}")
    with contextlib.suppress(OSError):
        note.parent.mkdir(exist_ok=True)
        temporary.write_text(json.dumps({looks: key}), encoding="utf-8")
        temporary.replace(note)
    return key


def make_key(root: Path) -> str:
    """The code key of a checkout, made anew."""
    modules = _Modules(root)
    names = _reached(modules)
    hashes = {place: _digest(*map(canonical, modules.statements(place))) for place in names}
    for _ in range(ROUNDS):
        hashes = {
            place: _digest(own, *(f"{name}={hashes[target]}" for name, target in names[place]))
            for place, own in hashes.items()
        }
    return _digest(*sorted(set(hashes.values())))[:DIGITS]


class _Modules:
    """The package's modules, parsed as they are asked for."""

    def __init__(self, root: Path):
        self.root = root
        self._parsed: dict[str, _Module] = {}
        self._files: dict[str, Path | None] = {}

    def file(self, module: str) -> Path | None:
        """The file of a module; None where it is not of the package."""
        if module not in self._files:
            place = self.root.joinpath(*module.split("."))
            paths = (place.with_suffix(".py"), place / "__init__.py")
            self._files[module] = next((path for path in paths if path.is_file()), None)
        return self._files[module]

    def __getitem__(self, module: str) -> _Module:
        if module not in self._parsed:
            path = self.file(module)
            tree = ast.parse(path.read_bytes()) if path is not None else ast.Module([], [])
            self._parsed[module] = _Module(bindings(tree), imports(tree))
        return self._parsed[module]

    def statements(self, place: Place) -> tuple[ast.stmt, ...]:
        """What binds a name at the top level of its module."""
        return self[place[0]].statements.get(place[1], ())

    def resolve(self, module: str, name: str) -> Place | None:
        """Where a name that a module uses is bound; None where that is no code of ours that counts."""
        for _ in range(16):  # names handed on from module to module
            if module in NO_NUMBERS or f"{module}:{name}" in NO_NUMBERS:
                return None
            if name in self[module].statements:
                return module, name
            if name not in self[module].imports:
                return None
            module, name = self[module].imports[name]
            if not module.startswith(PACKAGE) or not name:
                return None
            if self.file(f"{module}.{name}") is not None and name not in self[module].statements:
                return None  # a module: its names are looked up where they are used
        raise RecursionError(f"{module}.{name} is imported in a circle")

    def module_of(self, module: str, name: str) -> str | None:
        """The module of ours that a name stands for, if it stands for one."""
        target = self[module].imports.get(name)
        if target is None or not target[0].startswith(PACKAGE):
            return None
        whole = f"{target[0]}.{target[1]}" if target[1] else target[0]
        return whole if self.file(whole) is not None else None

    def is_table(self, module: str, called: ast.expr) -> bool:
        """Whether what a module calls makes a folder into a table."""
        return isinstance(called, ast.Name) and self.resolve(module, called.id) == TABLE

    def rows(self, folder: str, export: str) -> dict[str, Place]:
        """What the files of a folder export under one name, by the files' names."""
        found = {name: self.resolve(f"{folder}.{name}", export) for name in names_in(folder, self.root)}
        return {f"{folder}.{name}": place for name, place in found.items() if place is not None}


def _reached(modules: _Modules) -> dict[Place, list[tuple[str, Place]]]:
    """Everything that the entry reaches by name, and what the modules of those names do as they are imported; of each,
    what its names stand for."""
    found: dict[Place, list[tuple[str, Place]]] = {}
    waiting = [ENTRY]
    while waiting:
        place = waiting.pop()
        if place in found:
            continue
        found[place] = _names(modules, place)
        waiting += [target for _, target in found[place]]
        if modules[place[0]].statements.get(""):
            waiting.append((place[0], ""))
    return found


def _names(modules: _Modules, place: Place) -> list[tuple[str, Place]]:
    """(name, where it is bound) of all that the code of a place uses. A local name that is bound at the top level as well
    counts too: that only makes the key change more often."""
    module, own = place
    used: dict[str, Place] = {}
    for statement in modules.statements(place):
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and node.id != own:
                target = modules.resolve(module, node.id)
                if target is not None:
                    used[node.id] = target
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                other = modules.module_of(module, node.value.id)
                target = modules.resolve(other, node.attr) if other is not None else None
                if target is not None:
                    used[f"{node.value.id}.{node.attr}"] = target
            elif isinstance(node, ast.Call) and modules.is_table(module, node.func):
                used |= modules.rows(*map(ast.literal_eval, node.args))
    return sorted(used.items())


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
