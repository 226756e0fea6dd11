"""The code key: a hash of exactly the code that a run's numbers depend on.

It is computed over syntax trees. Starting from the trainer of each backend, every function, class and constant that the code can reach
by name counts, together with the definitions that its names refer to. Comments, docstrings, annotations of functions,
layout, the location of a definition in the tree and unused code therefore do not change the key. Every row of a table
that is a folder counts, under its name: the configuration decides which of them a run uses. A user's own row is not part
of the key: its content is part of the cell. Logging, tracking and messages to the user end the search, because they compute
no number. The same source has the same key under Python 3.11 to 3.13.
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
ENTRIES = (
    ("sspo.trainer.loop", "Trainer"),
    ("sspo.integrations.trl.trial", "open_trial"),
    ("sspo.integrations.verl.parent.trial", "open_trial"),
    ("sspo.integrations.verl.job.trainer", "VerlTrainer"),
    ("sspo.integrations.verl.job.agent", "SSPOAgentLoop"),
)
"""Where runs begin, a backend each; a checkout may lack all but the first."""
TABLE = ("sspo.config.folder_table", "FolderTable")
"""The class that turns a folder's files into a table."""
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
"""Modules, and names in modules, whose code decides no number that a run logs: they write, time, watch and report."""
DIGITS = 12
NOTE = Path(PACKAGE, "__pycache__", "code_key.json")
"""The last key, by the state of the files, like Python's compiled code."""
ROUNDS = 6
"""The maximum distance between two pieces of code at which a change of one changes the hash of the other; large enough
to distinguish equal functions of two modules that use unequal ones.
"""


@dataclass(frozen=True)
class _Module:
    """The names that a module's top level binds."""

    statements: Mapping[str, tuple[ast.stmt, ...]]
    """By the name that they bind; those that bind none are under the empty name."""
    imports: Mapping[str, Place]
    """Name to (module, name there); the name is empty if the module itself is bound."""


def code_key(root: Path = ROOT) -> str:
    """Return twelve hexadecimal digits that name the numerics of a checkout's training code.

    Raises SyntaxError if one of its files cannot be parsed.
    """
    looks = _looks(root)
    if looks not in _known:
        _known[looks] = _kept(root, looks) or _keep(root, looks, make_key(root))
    return _known[looks]


_known: dict[str, str] = {}


def _looks(root: Path) -> str:
    """Return the state of the package's files, so that a key is recomputed only if one changed."""
    found = sorted(path for path in (root / PACKAGE).rglob("*.py") if APP not in path.relative_to(root).parts)
    files = [path for path in found if path.is_file()]
    facts = [f"{path.relative_to(root)} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in files]
    return _digest(str(root), *facts)


def _kept(root: Path, looks: str) -> str | None:
    """Return the key that was stored beside the compiled code for files in this state."""
    try:
        noted = json.loads((root / NOTE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    key = noted.get(looks) if isinstance(noted, dict) else None
    return key if isinstance(key, str) and len(key) == DIGITS else None


def _keep(root: Path, looks: str, key: str) -> str:
    """Store a key, if the checkout is writable."""
    note = root / NOTE
    temporary = note.with_name(f".{note.name}.{os.getpid()}")
    with contextlib.suppress(OSError):
        note.parent.mkdir(exist_ok=True)
        temporary.write_text(json.dumps({looks: key}), encoding="utf-8")
        temporary.replace(note)
    return key


def make_key(root: Path) -> str:
    """Compute the code key of a checkout."""
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
    """The package's modules, parsed on demand."""

    def __init__(self, root: Path):
        self.root = root
        self._parsed: dict[str, _Module] = {}
        self._files: dict[str, Path | None] = {}

    def file(self, module: str) -> Path | None:
        """Return the file of a module, or None if it is not part of the package."""
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
        """Return the statements that bind a name at the top level of its module."""
        return self[place[0]].statements.get(place[1], ())

    def resolve(self, module: str, name: str) -> Place | None:
        """Return where a name that a module uses is bound, or None if that is not counted code of the package."""
        for _ in range(16):  # names re-exported from module to module
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
                return None  # a module: its names are resolved where they are used
        raise RecursionError(f"{module}.{name} is imported in a circle")

    def module_of(self, module: str, name: str) -> str | None:
        """Return the package's module that a name refers to, if any."""
        target = self[module].imports.get(name)
        if target is None or not target[0].startswith(PACKAGE):
            return None
        whole = f"{target[0]}.{target[1]}" if target[1] else target[0]
        return whole if self.file(whole) is not None else None

    def is_table(self, module: str, called: ast.expr) -> bool:
        """Return whether a call turns a folder into a table."""
        return isinstance(called, ast.Name) and self.resolve(module, called.id) == TABLE

    def rows(self, folder: str, export: str) -> dict[str, Place]:
        """Return the objects that the files of a folder export under one name, by the files' names."""
        found = {name: self.resolve(f"{folder}.{name}", export) for name in names_in(folder, self.root)}
        return {f"{folder}.{name}": place for name, place in found.items() if place is not None}


def _reached(modules: _Modules) -> dict[Place, list[tuple[str, Place]]]:
    """Return everything that the entries reach by name, plus the import-time code of those modules; for each, the
    definitions of its names.
    """
    found: dict[Place, list[tuple[str, Place]]] = {}
    waiting = [entry for entry in ENTRIES if modules.file(entry[0]) is not None]
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
    """Return (name, where it is bound) for every name that the code of a place uses. A local name that is also bound at
    the top level counts too, which only makes the key change more often.
    """
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
