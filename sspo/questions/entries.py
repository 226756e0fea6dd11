"""What task.train and task.eval name: a JSON Lines file, a set by its name, or one of reasoning-gym's."""

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
"""What may head a column of a table."""
MEANS = "average"
"""The column of a results table that no set may be called by."""
FILE, NAMED, GENERATED = "file", "named set", "generated set"


@dataclass(frozen=True)
class SetEntry:
    """One value of task.train or task.eval."""

    text: str
    kind: str
    name: str
    """The column of a table that it becomes: a file's name without its end, or the set's name."""


def entry(text: str, key: str) -> SetEntry:
    """What a value of an option names. Raises UserError where it is neither a file nor a set."""
    if text.startswith(PREFIX):
        return SetEntry(text, GENERATED, text.removeprefix(PREFIX))
    if "/" in text or text.endswith(".jsonl"):
        name = Path(text).name.removesuffix(".jsonl")
        if not NAME.fullmatch(name):
            raise UserError(
                f"{key}={text}: the file's name heads a column of the table, so it must be of at most 60 letters, digits and . _ + -, got {shown(name)}"
            )
        if name == MEANS and key == "task.eval":
            raise UserError(
                f"{key}={text}: '{MEANS}' heads the column of means in the results table: rename the file"
            )
        return SetEntry(text, FILE, name)
    if text in SETS:
        return SetEntry(text, NAMED, text)
    close = nearest(text, SETS)
    hint = f"did you mean '{close}'? " if close else ""
    raise UserError(
        f"unknown question set '{text}' in {key}: {hint}valid: {', '.join(SETS)}, {PREFIX}NAME, or a file as ./NAME.jsonl"
    )


def read(one: SetEntry, part: str, config: TaskConfig) -> QuestionSet | Generator:
    """The questions of an entry's part `train` or `test`. Raises UserError where they cannot be had."""
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
            f"task.train={one.name} is a benchmark and has no training questions; take one of {trained}, or a file"
        )
    if config.folder is not None:
        return read_set(_at_home(config.folder, "task.folder"), one.name, known, part)
    return from_hub(one.name, known, part, _at_home(config.lock, "task.lock"))


def _at_home(text: str, key: str) -> Path:
    """A path whose `~` or `~name` is a home folder. Raises UserError where nobody has that home."""
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise UserError(
            f"{key}={text}: the home folder that it begins with is not known; write the folder out"
        ) from error
