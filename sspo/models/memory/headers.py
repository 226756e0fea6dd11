"""Names, types and shapes of a folder's weights, from the headers of its safetensors files: no weight is read.

A file begins with the length of its header as eight bytes, then the header as JSON: {name: {dtype, shape, data_offsets}}.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sspo.errors import UserError
from sspo.models.description import read_described

WHOLE, INDEX = "model.safetensors", "model.safetensors.index.json"
LENGTH_BYTES = 8
LONGEST_HEADER = 100 << 20
"""Longest header that safetensors itself reads."""
NAMED = 3
"""Number of files that a message names before it counts the rest."""


@dataclass(frozen=True, kw_only=True)
class Header:
    """One weight."""

    dtype: str
    """As safetensors writes it: F32, BF16, I32, ..."""
    shape: tuple[int, ...]

    @property
    def count(self) -> int:
        """Return the number of elements."""
        count = 1
        for size in self.shape:
            count *= size
        return count


def weight_files(path: str, folder: Path) -> list[Path]:
    """Return the safetensors files of the model's weights. Raises UserError if there are none, or some are missing."""
    if (folder / WHOLE).is_file():
        return [folder / WHOLE]
    if not (folder / INDEX).is_file():
        raise UserError(f"model.path={path}: {_no_weights(folder)}")
    named = read_described(path, folder / INDEX).get("weight_map")
    if not isinstance(named, dict) or not named or not all(isinstance(name, str) for name in named.values()):
        raise UserError(f"model.path={path}: its {INDEX} names no weight files (weight_map)")
    names = sorted(set(named.values()))
    missing = [name for name in names if Path(name).name != name or not (folder / name).is_file()]
    if missing:
        more = f" and {len(missing) - NAMED} more" if len(missing) > NAMED else ""
        raise UserError(
            f"model.path={path}: {len(missing)} of the {len(names)} files that its {INDEX} names are not there: "
            f"{', '.join(missing[:NAMED])}{more}; download the folder again"
        )
    return [folder / name for name in names]


def read_headers(path: str, folder: Path) -> dict[str, Header]:
    """Return every weight by name. Raises UserError for a file that is damaged or holds something else."""
    found: dict[str, Header] = {}
    for file in weight_files(path, folder):
        found |= _headers_of(path, file)
    return found


def _no_weights(folder: Path) -> str:
    pickled = sorted(folder.glob("*.bin"))
    if pickled:
        return (
            f"its weights are pickled ({pickled[0].name}), which may run code and are not read; save them as safetensors with "
            "save_pretrained"
        )
    others = sorted(file.name for file in folder.glob("*.safetensors"))
    if others:
        return f"no weights under the names {WHOLE} or {INDEX} (there is {others[0]}); save the model with save_pretrained"
    gguf = sorted(file.name for file in folder.glob("*.gguf"))
    held = f"its weights are in {gguf[0]}, a format that is not read" if gguf else "it holds no weights"
    return f"{held}; use a folder with {WHOLE}, as save_pretrained writes it"


def _headers_of(path: str, file: Path) -> dict[str, Header]:
    size = file.stat().st_size
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(LENGTH_BYTES), "little")
        torn = size < LENGTH_BYTES or not 0 < length <= min(size - LENGTH_BYTES, LONGEST_HEADER)
        text = b"" if torn else stream.read(length)
    try:
        content = json.loads(text)
        weights = {name: entry for name, entry in content.items() if name != "__metadata__"}
        end = max((entry["data_offsets"][1] for entry in weights.values()), default=0)
        headers = {name: _header(entry) for name, entry in weights.items()}
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise UserError(
            f"model.path={path}: {file.name} is not a safetensors file, or is damaged: {_looks_like(file, size)}; download or save it again"
        ) from error
    if LENGTH_BYTES + length + end > size:
        raise UserError(
            f"model.path={path}: {file.name} is incomplete: it has {size:,} of {LENGTH_BYTES + length + end:,} bytes; download or save it "
            "again"
        )
    return headers


def _header(entry: Mapping[str, Any]) -> Header:
    return Header(dtype=str(entry["dtype"]), shape=tuple(int(size) for size in entry["shape"]))


def _looks_like(file: Path, size: int) -> str:
    with file.open("rb") as stream:
        begins = stream.read(len(POINTER))
    if begins == POINTER:
        return "it is a pointer of git-lfs (`git lfs pull` fetches what it points to)"
    return f"its header cannot be read ({size:,} bytes)"


POINTER = b"version https://git-lfs"
