"""Multiruns by name: what a command line said, kept in the store, so that every command of `sweeps` knows its study.

A study of conf/study/ comes first; a multirun may not take the name of one.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from sspo.config.build import build
from sspo.config.places import conf_folders
from sspo.errors import UserError
from sspo.runs.runlog import write_atomic
from sweeps.ledger.state import read_json
from sweeps.study.load import study_names

STORE = "run.store"


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """All that makes the study of a multirun."""

    words: tuple[str, ...]
    """Overrides as they were written, several values and all, without the store."""
    baseline: str = ""
    """An arm's name; empty for the first one that trains with a clip."""
    test: str = "welch"


def keep(recipe: Recipe, name: str, store: Path) -> None:
    """Write the recipe into the store, unless it is there. Raises UserError where that is impossible."""
    path = _path(name, store)
    text = json.dumps(asdict(recipe), indent=1, ensure_ascii=False) + "\n"
    try:
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, text)
    except OSError as error:
        raise UserError(
            f"cannot write {path}: {error.strerror}; mend that, or give a writable folder with run.store=FOLDER"
        ) from error


def recall(name: str, store: Path) -> Recipe | None:
    """The recipe of that name, None where the store has none. Raises UserError for one that makes no sense."""
    path = _path(name, store)
    content = read_json(path, "run the multirun again to have it written")
    if content is None:
        return None
    try:
        return build(Recipe, content)
    except UserError as error:
        raise UserError(f"{path} is damaged: {error}; run the multirun again to have it written") from error


def refuse_taken(name: str) -> None:
    """Raise UserError for a name that a study of conf/study/ has."""
    if name in study_names(conf_folders("study")):
        raise UserError(
            f"hydra.sweeper.study={name} is the name of a study in conf/study/; choose another, or leave it out"
        )


def kept(store: Path) -> list[str]:
    """Return the names of the multiruns that the store keeps."""
    return sorted(path.stem for path in _folder(store).glob("*.json"))


def is_of(word: str, key: str) -> bool:
    """Return whether a word of a command line sets `key`."""
    return word.lstrip("+").partition("=")[0] == key


def _path(name: str, store: Path) -> Path:
    return _folder(store) / f"{name}.json"


def _folder(store: Path) -> Path:
    return store / "multiruns"
