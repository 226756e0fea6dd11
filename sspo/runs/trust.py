"""The user code that a reader of run folders may run: a user's own row is a file, and a run folder may name any file.

A file runs only if the command line names it, in any option or as `trust=path/to/file.py:name`, and only if the run's
cell matches its content. Code of an installed package was installed by the user, and is trusted.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from pathlib import Path

from sspo.config import TrainConfig
from sspo.config.plugins.in_use import files_in_use, files_in_words
from sspo.errors import UserError
from sspo.runs.identity import cell_hash

TRUST = "trust"
"""The word that names files and sets nothing."""


def refuse_unnamed(files: Mapping[str, str], words: Iterable[str], reader: str = "a replay") -> None:
    """Raise UserError for a file (by name, with the option that names it) that no word of this command line names."""
    named = files_in_words(words)
    for name, key in files.items():
        if name not in named:
            raise UserError(
                f"{key}={name} is in the run's config.yaml, but {reader} runs no file that its command line does not name: "
                f"add {TRUST}={name} if you trust {name.rpartition(':')[0]}"
            )


def refuse_changed(folder: Path, config: TrainConfig, named: Container[str]) -> None:
    """Raise UserError if the command line names a run's own file, but the run's cell does not match the file's current
    content.
    """
    for name in files_in_use(config):
        if name not in named:
            continue
        now = cell_hash(config)
        if now not in folder.resolve().parts[-3:-1]:  # <cell>[/<level of code>]/seed<k>
            raise UserError(
                f"{folder} is not under cell {now}, the cell of its configuration with the current {name.rpartition(':')[0]}: "
                "the file differs from the one that the run was trained with, or the folder lost its cell's name"
            )
