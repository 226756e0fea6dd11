"""The common parts of files in conf/study/ and conf/search/: how a file is found, and how its head is read."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from sspo.config.yaml_file import read_yaml
from sspo.errors import UserError, shown, unknown

Spec = TypeVar("Spec")
Folders = Path | Sequence[Path]
"""Where specs are looked up: a folder, or several in the order they are searched."""
FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", re.ASCII)
"""Valid names of specs: they appear in commands, folders and overrides."""


def spec_names(folder: Folders) -> list[str]:
    """Return the names of the specs in a folder; editor locks and subfolders are ignored."""
    return sorted(name for name in _files(folder) if FILE_NAME.fullmatch(name))


def has_file(folder: Folders, name: str) -> bool:
    """Return whether there is a file for a spec of that name, even if the name is not valid."""
    return name in _files(folder)


def _files(folder: Folders) -> dict[str, Path]:
    """The files by name; of two of the same name, the one that the search finds first."""
    found: dict[str, Path] = {}
    for place in [folder] if isinstance(folder, Path) else folder:
        for path in place.glob("*.yaml"):
            if path.is_file() and not path.name.startswith("."):
                found.setdefault(path.stem, path)
    return found


def load_spec(kind: str, folder: Folders, name: str, parse: Callable[[str, Mapping[str, Any]], Spec]) -> Spec:
    """Read the spec `<folder>/<name>.yaml`. Raises UserError with one sentence that names the file."""
    names = spec_names(folder)
    if name not in names:
        if has_file(folder, name):
            raise UserError(
                f"the file name of a {kind} must be English letters, digits, '_', '-' and '.', got {shown(name)}; rename it"
            )
        raise unknown(kind, name, names)
    path = _files(folder)[name]
    content = read_yaml(path)
    try:
        return parse(name, content)
    except UserError as error:
        raise UserError(f"{path.name}: {error}") from error


def head_values(content: Mapping[str, Any], head: type, parts: Sequence[str]) -> Mapping[str, Any]:
    """Return the entries of a spec's head, without its parts. Raises UserError for a key that belongs to neither.

    Greedy decoding has temperature 0, which a spec need not state.
    """
    keys = [*head.__dataclass_fields__, *parts]  # type: ignore[attr-defined]
    for key in content:
        if key not in keys:
            raise unknown("key", key, keys)
    values = {key: value for key, value in content.items() if key not in parts}
    primary = values.get("primary")
    if isinstance(primary, Mapping) and primary.get("mode") == "greedy":
        return {**values, "primary": {"temperature": 0.0, **primary}}
    return values
