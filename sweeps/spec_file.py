"""What the files of conf/study/ and conf/search/ have in common: how one is found, and what its head may say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from sspo.errors import UserError, unknown
from sspo.yaml_file import read_yaml

Spec = TypeVar("Spec")


def spec_names(folder: Path) -> list[str]:
    """The specs that a folder holds."""
    return sorted(path.stem for path in folder.glob("*.yaml"))


def load_spec(kind: str, folder: Path, name: str, parse: Callable[[str, Mapping[str, Any]], Spec]) -> Spec:
    """The spec `<folder>/<name>.yaml`. Raises UserError in one sentence that names the file."""
    names = spec_names(folder)
    if name not in names:
        raise unknown(kind, name, names)
    path = folder / f"{name}.yaml"
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
