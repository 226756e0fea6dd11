"""reasoning-gym's data sets: endless questions from a generator, selected by (seed, rollout).

The package is an extra (`make setup-gym`) without most of its dependencies. Its own __init__ imports every category of
generators at once, some with a solver or a font; a category is therefore imported only when one of its sets is used.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import importlib.metadata
import importlib.util
import itertools
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sspo.errors import UserError, nearest, shown, unknown
from sspo.questions.held_out import held_out
from sspo.randomness import derive
from sspo.types import Problem

PACKAGE = "reasoning_gym"
PREFIX = f"{PACKAGE}:"
"""Prefix of entries of task.train and task.eval that name one of its sets."""
CATEGORIES = (
    "arithmetic",
    "algebra",
    "algorithmic",
    "arc",
    "code",
    "cognition",
    "games",
    "geometry",
    "graphs",
    "induction",
    "logic",
    "probability",
)
MOST_QUESTIONS = 10_000
"""Maximum number of questions of a held-out set."""
LOOKED_AT = 200
"""Questions that are searched for a new one of the required split before a set counts as too small."""
HASHED = 16
"""Number of questions of either split in the digest, with the set's options and the package's version."""
OWN = ("seed", "size")
"""Options of the sets that this module sets itself."""


@dataclass(frozen=True)
class Generator:
    """One data set with its options."""

    name: str
    options: tuple[tuple[str, str], ...]
    """Names and values as they were given."""

    @property
    def digest(self) -> str:
        """Return the SHA-256 of the package's version, the options in use and the first questions."""
        return _digest(self)

    def train(self, seed: int, rollout: int, count: int) -> list[Problem]:
        """Return the questions of one rollout; a function of (seed, rollout) alone."""
        stream = self._stream(derive(seed, f"reasoning-gym {self.name}", rollout))
        return self._take(stream, count, f"train/{rollout}", want_held_out=False)

    def test(self, count: int) -> list[Problem]:
        """Return the first `count` held-out questions, all distinct; the same for every run."""
        if count > MOST_QUESTIONS:
            raise UserError(
                f"evaluation questions must be at most {MOST_QUESTIONS} per reasoning-gym set, got {count}"
            )
        stream = self._stream(derive(0, f"reasoning-gym {self.name}, held out"))
        return self._take(stream, count, self.name, want_held_out=True)

    def _take(
        self, stream: Iterator[tuple[str, str]], count: int, where: str, *, want_held_out: bool
    ) -> list[Problem]:
        """Return the first questions of a split; held-out ones are distinct."""
        taken: list[Problem] = []
        asked: set[str] = set()
        since = 0
        while len(taken) < count:
            question, answer = next(stream)
            since += 1
            if held_out(question) == want_held_out and not (want_held_out and question in asked):
                taken.append(Problem(id=f"{where}/{len(taken)}", prompt=question, answer=answer))
                asked.add(question)
                since = 0
            elif since >= LOOKED_AT:
                raise UserError(
                    f"{PREFIX}{self.name} makes only {len(taken)} of the {count} different questions required; set a "
                    "smaller number, or set task.options so that there are more"
                )
        return taken

    def _stream(self, seed: int) -> Iterator[tuple[str, str]]:
        """Yield its questions and answers endlessly."""
        made = _made(self, seed % 2**31)
        for number in itertools.count():
            try:
                item = made[number]
            except ModuleNotFoundError as error:
                raise UserError(
                    f"{PREFIX}{self.name} needs the package {error.name}, which is not installed"
                ) from error
            question, answer = item.get("question"), item.get("answer")
            if not isinstance(question, str) or not isinstance(answer, str) or not answer.strip():
                raise UserError(
                    f"{PREFIX}{self.name}: one of its questions has no right answer ({shown(answer)}), so it cannot be scored here"
                )
            yield question, answer.strip()


def refuse_strange_sets(options: Sequence[str], names: Sequence[str]) -> None:
    """Raise UserError for an option `set.name=value` whose set is not in `names`, the sets of the task."""
    for text in options:
        of = text.partition("=")[0].strip().rpartition(".")[0]
        if of and of not in names:
            raise unknown("reasoning-gym set of this task in task.options", of, names)


def generator(name: str, options: Sequence[str]) -> Generator:
    """Return a data set by its name, with options as `name=value`, or `set.name=value` for one set of several.

    Raises UserError if the package is not installed, or has no such set or option.
    """
    given = []
    for text in options:
        key, mark, value = text.partition("=")
        if not mark or not key.strip():
            raise UserError(f"task.options: write name=value, got {shown(text)}")
        of, _, label = key.strip().rpartition(".")
        if of in ("", name):
            given.append((label, value.strip()))
    made = Generator(name, tuple(given))
    _made(made, 0)
    return made


@functools.lru_cache(maxsize=32)
def _digest(of: Generator) -> str:
    config = asdict(_made(of, 0).config)
    stream = of._stream(0)
    content = [
        importlib.metadata.version(PACKAGE),
        of.name,
        {key: repr(value) for key, value in sorted(config.items()) if key not in OWN},
        [next(stream) for _ in range(HASHED)],
    ]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _made(of: Generator, seed: int) -> Any:
    """Return the package's own object, whose items depend on the seed and their number."""
    values = {key: _value(text) for key, text in of.options}
    make, config = _registered(of.name)
    fields = [field for field in config.__dataclass_fields__ if field not in OWN]
    for key in values:
        if key not in fields:
            raise unknown(f"option of {PREFIX}{of.name} in task.options", key, fields)
    try:
        return make(config=config(seed=seed, size=MOST_QUESTIONS, **values))
    except (AssertionError, TypeError, ValueError) as error:
        given = ", ".join(f"{key}={text}" for key, text in of.options) or "to have no options"
        raise UserError(f"task.options: {PREFIX}{of.name} refuses {given}: {error}") from error


def _value(text: str) -> Any:
    """Return an option's value: JSON, or the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text


@functools.cache
def _registered(name: str) -> tuple[Any, Any]:
    """Return a set's class and the class of its options."""
    _without_its_init()
    from_factory: Mapping[str, tuple[Any, Any]] = importlib.import_module(f"{PACKAGE}.factory").DATASETS
    lacking: dict[str, str] = {}
    for category in CATEGORIES:
        if name in from_factory:
            return from_factory[name]
        try:
            importlib.import_module(f"{PACKAGE}.{category}")
        except ModuleNotFoundError as error:
            lacking[category] = str(error.name)
    if name in from_factory:
        return from_factory[name]
    close = nearest(name, from_factory)
    hint = f"did you mean '{close}'? " if close else ""
    left = ", ".join(f"{category} (needs {package})" for category, package in lacking.items())
    raise UserError(
        f"unknown reasoning-gym data set '{name}': {hint}there are {len(from_factory)}, such as chain_sum or gsm_symbolic"
        + (f"; these categories cannot be imported: {left}" if left else "")
    )


def _without_its_init() -> None:
    """Register the package without running its __init__."""
    if PACKAGE in sys.modules:
        return
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None:
        raise UserError(f"{PREFIX[:-1]} is not installed: run `make setup-gym`")
    sys.modules[PACKAGE] = importlib.util.module_from_spec(spec)
    importlib.import_module(
        f"{PACKAGE}.coaching"
    )  # first, as in its __init__: it and the factory import each other
