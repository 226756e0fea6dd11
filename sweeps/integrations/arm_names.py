"""Names of a multirun's arms, made from the values in which they differ."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

LONGEST = 40
"""Maximum number of characters of a name; a number distinguishes names that are cut to the same text."""

Combo = tuple[str, ...]


def labels(combos: Sequence[Combo]) -> list[str]:
    """Return labels for reports, as `grpo, high=0.1`: a group's choice alone, an option with the end of its key. A path on this machine
    is shortened to its last part, because labels appear in tables and mirrors."""
    varying = _varying(combos)
    ends = [key.rpartition(".")[2] for key in varying]
    return [
        ", ".join(
            value if "." not in key else f"{end if ends.count(end) == 1 else key}={value}"
            for key, end, value in zip(varying, ends, _values(combo, varying), strict=True)
        )
        for combo in combos
    ]


def names(combos: Sequence[Combo]) -> list[str]:
    """Return unique names for folders and commands, as `grpo_high_0_1`: lowercase letters, digits and `_`, starting with a letter."""
    taken: dict[str, None] = {}
    for label in labels(combos):
        plain = re.sub(r"-(?=\.?\d)", "minus_", label.lower())
        slug = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:LONGEST].strip("_") or "single"
        stem = name = slug if slug[0].isalpha() else f"arm_{slug}"
        number = 1
        while name in taken:
            number += 1
            name = f"{stem}_no{number}"
        taken[name] = None
    return list(taken)


def _varying(combos: Sequence[Combo]) -> list[str]:
    """Return the keys that have several values over the combinations, in the order of the command line."""
    keys = [override.partition("=")[0] for override in combos[0]]
    return [key for index, key in enumerate(keys) if len({combo[index] for combo in combos}) > 1]


def _values(combo: Combo, keys: Sequence[str]) -> list[str]:
    by_key = dict(override.partition("=")[::2] for override in combo)
    return [_shown(by_key[key]) for key in keys]


def _shown(value: str) -> str:
    plain = value.strip("'\"")
    return Path(plain).name if plain.startswith(("/", "~")) else value
