"""Multiruns by name: the words of a command line, kept in the store, so that every command of `sweeps` can rebuild its study.

A study in conf/study/ has precedence; a multirun may not use the name of one.
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
    """The definition of a multirun's study."""

    words: tuple[str, ...]
    """Overrides as written, including several values, without the store."""
    baseline: str = ""
    """An arm's name; empty for the first one that trains with a clip."""
    test: str = "welch"


def keep(recipe: Recipe, name: str, store: Path) -> None:
    """Write the recipe into the store unless it is already there. Raises UserError if it cannot be written."""
    path = _path(name, store)
    text = json.dumps(asdict(recipe), indent=1, ensure_ascii=False) + "\n"
    try:
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, text)
    except OSError as error:
        raise UserError(
            f"cannot write {path}: {error.strerror}; fix that, or pass a writable folder with run.store=FOLDER"
        ) from error


def recall(name: str, store: Path) -> Recipe | None:
    """Return the recipe of that name; None if the store has none. Raises UserError for a damaged one."""
    path = _path(name, store)
    content = read_json(path, "run the multirun again to rewrite it")
    if content is None:
        return None
    try:
        return build(Recipe, content)
    except UserError as error:
        raise UserError(f"{path} is damaged: {error}; run the multirun again to rewrite it") from error


def refuse_taken(name: str) -> None:
    """Raise UserError for the name of a study in conf/study/."""
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
