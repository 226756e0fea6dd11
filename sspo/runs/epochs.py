"""Epochs: the states of the code that give equal numbers, and thus the finished runs that this code would not
reproduce.

sspo/numerics.json lists epochs in order. Each holds the code keys (sspo/runs/code_key.py) that are proven to give equal
numbers, and the runs that it touched when it was opened: those whose numbers differ from the epoch before. A run
belongs to the last epoch that touched it, so its folder does not change with an epoch that did not affect it. Code
whose key no epoch lists is an epoch of its own.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sspo.errors import UserError
from sspo.runs.code_key import ROOT

FILE = Path("sspo", "numerics.json")
FIRST = ""
"""The level of the first epoch, which contains everything made before epochs existed."""

Facts = Mapping[str, Any]
"""Options of a run by their dotted names."""


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """A set of numbers that some states of the code give."""

    number: int
    """Counted from 1."""
    keys: tuple[str, ...]
    """Code keys that give them."""
    why: str
    touches: tuple[Facts, ...]
    """Runs whose numbers differ from those of the epoch before: all that match every option of one of these clauses."""

    def touched(self, facts: Facts) -> bool:
        """Return whether the epoch changed the numbers of a run with these options."""
        return any(all(facts.get(key) == value for key, value in clause.items()) for clause in self.touches)


def read_epochs(root: Path = ROOT) -> tuple[Epoch, ...]:
    """Return the epochs of a checkout in order. Raises UserError if the file is invalid."""
    path = root / FILE
    return _read(path, path.stat().st_mtime_ns) if path.is_file() else ()


@functools.lru_cache(maxsize=8)
def _read(path: Path, _mtime: int) -> tuple[Epoch, ...]:
    try:
        listed = json.loads(path.read_text(encoding="utf-8"))["epochs"]
        return tuple(
            Epoch(
                number=number,
                keys=tuple(map(str, epoch["keys"])),
                why=str(epoch["why"]),
                touches=tuple(dict(clause) for clause in epoch["touches"]),
            )
            for number, epoch in enumerate(listed, 1)
        )
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UserError(f"{path} is damaged ({error}); restore it from git") from error


def epoch_of(key: str, epochs: Sequence[Epoch]) -> int | None:
    """Return the last epoch that lists a code key, or None."""
    return max((epoch.number for epoch in epochs if key in epoch.keys), default=None)


def level_under(facts: Facts, key: str, epochs: Sequence[Epoch]) -> str:
    """Return the folder level of a run with these options under the code with that key."""
    current = epoch_of(key, epochs)
    if current is None:
        return f"code-{key}"
    touched = [epoch.number for epoch in epochs if epoch.number <= current and epoch.touched(facts)]
    return level_name(max(touched, default=1))


def level_name(epoch: int) -> str:
    """Return the folder level of an epoch."""
    return FIRST if epoch == 1 else f"epoch{epoch}"


def order_name(level: str) -> str:
    """Return a level as one word that is never empty, for orders to workers and records of runs."""
    return level or "epoch1"


def flat(options: Mapping[str, Any], where: str = "") -> dict[str, Any]:
    """Return nested options by dotted names; tuples as lists, as in JSON."""
    found: dict[str, Any] = {}
    for key, value in options.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{where}{key}.")
        else:
            found[f"{where}{key}"] = list(value) if isinstance(value, tuple) else value
    return found


def described(level: str) -> str:
    """Return a folder level in words."""
    if level == FIRST:
        return "epoch 1"
    if level.startswith("code-"):
        return f"code {level.removeprefix('code-')}, which no epoch lists"
    return f"epoch {level.removeprefix('epoch')}"
