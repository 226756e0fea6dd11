"""A task made of sets: one to train on, if any, and those to evaluate on, which are the columns of a table."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

from sspo.config import TaskConfig
from sspo.errors import NoEffect, UserError
from sspo.questions.entries import FILE, GENERATED, NAMED, SetEntry, entry, read
from sspo.questions.epochs import slice_of
from sspo.questions.generated import Generator, refuse_strange_sets
from sspo.questions.question_set import QuestionSet
from sspo.types import Problem

DIGITS = 12
READ_BY = {
    "train": (FILE, NAMED, GENERATED),
    "eval": (FILE, NAMED, GENERATED),
    "question": (FILE,),
    "answer": (FILE,),
    "id": (FILE,),
    "folder": (NAMED,),
    "lock": (NAMED,),
    "options": (GENERATED,),
}
"""The kinds of entries that read each option of the task."""


class QuestionTask:
    """Questions from files, named sets and generators; see sspo.tasks.Task."""

    def __init__(self, train: QuestionSet | Generator | None, sets: Mapping[str, QuestionSet | Generator]):
        self.train = train
        self.sets = sets
        self.trains = train is not None
        self.eval_sets: Sequence[str] = tuple(sets)
        content = [train and train.digest, [[name, one.digest] for name, one in sets.items()]]
        self.fingerprint: str | None = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:DIGITS]

    def train_problems(self, seed: int, rollout: int, count: int) -> list[Problem]:
        """Return the questions of one rollout: each once per epoch, in a seeded order."""
        if isinstance(self.train, Generator):
            return self.train.train(seed, rollout, count)
        assert self.train is not None, (
            "a task without training questions is refused before any work: sspo.tasks.task_of"
        )
        problems = self.train.load()
        return [problems[place] for place in slice_of(len(problems), seed, rollout, count)]

    def eval_problems(self, name: str, count: int) -> list[Problem]:
        """Return the first `count` questions of a set, all if it has fewer."""
        one = self.sets[name]
        return one.test(count) if isinstance(one, Generator) else list(one.load()[:count])

    def eval_size(self, name: str) -> int | None:
        """Return the number of questions of a set; None for a generator."""
        one = self.sets[name]
        return None if isinstance(one, Generator) else len(one.load())


def open_questions(
    config: TaskConfig, own_train: str | None, own_eval: Sequence[str], prefix: str = ""
) -> QuestionTask:
    """Return the task that options describe; a task's own sets are used if an option is empty.

    `prefix` is put before an entry that names neither a file nor a set without it. Raises UserError if questions cannot
    be read, two sets share a name, or no entry reads an option.
    """
    train_text = config.train if config.train is not None else own_train
    train = None if train_text is None else entry(_prefixed(train_text, prefix), "task.train")
    chosen = [entry(_prefixed(text, prefix), "task.eval") for text in config.eval or own_eval]
    if not chosen:
        raise UserError(
            f"task={config.name} has no questions of its own to evaluate on: set task.eval=[FILE,...]"
        )
    _refuse_equal_names(chosen)
    entries = [*([train] if train else []), *chosen]
    refuse_unread(config, entries)
    refuse_strange_sets(config.options, sorted({one.name for one in entries if one.kind == GENERATED}))
    return QuestionTask(
        None if train is None else read(train, "train", config),
        {one.name: read(one, "test", config) for one in chosen},
    )


def refuse_unread(config: TaskConfig, entries: Sequence[SetEntry]) -> None:
    """Raise UserError for an option of the task that no entry reads."""
    kinds = {one.kind for one in entries}
    default = TaskConfig()
    for label, reader in READ_BY.items():
        value = getattr(config, label)
        if value != getattr(default, label) and not kinds & set(reader):
            reads = f"reads no {' or '.join(reader)}" if entries else "makes its own questions"
            raise NoEffect(
                f"task.{label}",
                f"task.{label}={_written(value)} has no effect: task={config.name} {reads}; leave it out",
            )


def _written(value: object) -> str:
    return f"[{','.join(map(str, value))}]" if isinstance(value, tuple) else str(value)


def _prefixed(text: str, prefix: str) -> str:
    plain = prefix and not text.startswith(prefix) and "/" not in text and not text.endswith(".jsonl")
    return prefix + text if plain else text


def _refuse_equal_names(entries: Sequence[SetEntry]) -> None:
    names = [one.name for one in entries]
    for name in names:
        if names.count(name) > 1:
            raise UserError(
                f"task.eval names two sets '{name}', but each is a column of the table: rename one of the files, or leave one out"
            )
