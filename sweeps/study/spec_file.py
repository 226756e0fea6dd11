"""What the files of conf/study/ and conf/search/ have in common: how one is found, and what its head may say."""

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
"""What a spec may be called: its name stands in commands, folders and overrides."""


def spec_names(folder: Folders) -> list[str]:
    """The specs that a folder holds; an editor's lock or a folder is none."""
    return sorted(name for name in _files(folder) if FILE_NAME.fullmatch(name))


def has_file(folder: Folders, name: str) -> bool:
    """Whether there is a file for a spec of that name, also where it may not be called so."""
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
    """The spec `<folder>/<name>.yaml`. Raises UserError in one sentence that names the file."""
    names = spec_names(folder)
    if name not in names:
        if has_file(folder, name):
            raise UserError(
                f"the file of a {kind} is called by letters of English, digits, '_', '-' and '.', got {shown(name)}; rename it"
            )
        raise unknown(kind, name, names)
    path = _files(folder)[name]
    content = read_yaml(path)
    try:
        return parse(name, content)
    except UserError as error:
        raise UserError(f"{path.name}: {error}") from error


def head_values(content: Mapping[str, Any], head: type, parts: Sequence[str]) -> Mapping[str, Any]:
    """What a spec says of its head, besides its parts. Raises UserError for a key that is neither's.

    Greedy decoding is temperature 0, which a spec need not say.
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
