"""The entries of task.train and task.eval: a JSON Lines file, a set by its name, or one of reasoning-gym's."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from sspo.config import TaskConfig
from sspo.errors import UserError, nearest, shown
from sspo.questions.columns import Columns
from sspo.questions.folder import read_set
from sspo.questions.generated import PREFIX, Generator, generator
from sspo.questions.hub import from_hub
from sspo.questions.jsonl_file import read_file
from sspo.questions.question_set import QuestionSet
from sspo.questions.sets import SETS

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,59}")
"""Valid headers of a results column."""
MEANS = "average"
"""The column of a results table that is reserved for means."""
FILE, NAMED, GENERATED = "file", "named set", "generated set"


@dataclass(frozen=True)
class Entry:
    """One value of task.train or task.eval."""

    text: str
    kind: str
    name: str
    """The results column of the set: a file's name without its suffix, or the set's name."""


def entry(text: str, key: str) -> Entry:
    """Return the entry that an option's value names. Raises UserError if it is neither a file nor a set."""
    if text.startswith(PREFIX):
        return Entry(text, GENERATED, text.removeprefix(PREFIX))
    if "/" in text or text.endswith(".jsonl"):
        name = Path(text).name.removesuffix(".jsonl")
        if not NAME.fullmatch(name):
            raise UserError(
                f"{key}={text}: the file's name becomes the header of a results column, so it may have at most 60 letters, digits and . _ + -, got {shown(name)}"
            )
        if name == MEANS and key == "task.eval":
            raise UserError(
                f"{key}={text}: '{MEANS}' is the header of the column of means in the results table: rename the file"
            )
        return Entry(text, FILE, name)
    if text in SETS:
        return Entry(text, NAMED, text)
    close = nearest(text, SETS)
    hint = f"did you mean '{close}'? " if close else ""
    raise UserError(
        f"unknown question set '{text}' in {key}: {hint}valid: {', '.join(SETS)}, {PREFIX}NAME, or a file such as ./NAME.jsonl"
    )


def read(one: Entry, part: str, config: TaskConfig) -> QuestionSet | Generator:
    """Return the questions of an entry's part `train` or `test`. Raises UserError if they cannot be read."""
    if one.kind == GENERATED:
        return generator(one.name, config.options)
    if one.kind == FILE:
        columns = Columns(question=config.question, answer=config.answer, id=config.id)
        key = f"task.{'train' if part == 'train' else 'eval'}"
        return read_file(_at_home(one.text, key), key, columns)
    known = SETS[one.name]
    if part == "train" and known.train is None:
        trained = ", ".join(name for name in SETS if SETS[name].train is not None)
        raise UserError(
            f"task.train={one.name} is a benchmark and has no training questions; use one of {trained}, or a file"
        )
    if config.folder is not None:
        return read_set(_at_home(config.folder, "task.folder"), one.name, known, part)
    return from_hub(one.name, known, part, _at_home(config.lock, "task.lock"))


def _at_home(text: str, key: str) -> Path:
    """Expand `~` or `~name` in a path. Raises UserError if the home folder is unknown."""
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise UserError(
            f"{key}={text}: the home folder at its beginning is unknown; write the full path"
        ) from error
