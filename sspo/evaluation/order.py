"""The order of an evaluation: set by set, decoding by decoding, question by question, sample by sample.

It does not depend on the batch or the machine, so a log is always a prefix of the whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from sspo.types import Problem


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A set's questions under one decoding."""

    set: str
    problems: Sequence[Problem]
    temperature: float
    """0 is greedy."""
    samples: int
    """Answers per question."""

    @property
    def mode(self) -> str:
        """Return the mode as in a row of the log."""
        return "sampled" if self.temperature else "greedy"

    @property
    def size(self) -> int:
        """Return the number of answers."""
        return len(self.problems) * self.samples

    def answers(self) -> Iterator[tuple[str, str, float, int]]:
        """Yield set, question, temperature and sample of every answer, in order."""
        for problem, sample in product(self.problems, range(self.samples)):
            yield self.set, problem.id, self.temperature, sample


@dataclass(frozen=True, kw_only=True)
class Slice:
    """A batch of an evaluation: samples in [begin, end) of questions in [first, last)."""

    first: int
    last: int
    begin: int
    end: int


def slices(asked: Asked, batch: int, done: int = 0) -> Iterator[Slice]:
    """Yield slices of at most `batch` answers, after the first `done` of them: whole questions, or parts of one with
    more samples.
    """
    question, sample = divmod(done, asked.samples)
    while question < len(asked.problems):
        if sample or asked.samples > batch:
            end = min(asked.samples, sample + batch)
            yield Slice(first=question, last=question + 1, begin=sample, end=end)
            question, sample = (question + 1, 0) if end == asked.samples else (question, end)
        else:
            last = min(len(asked.problems), question + batch // asked.samples)
            yield Slice(first=question, last=last, begin=0, end=asked.samples)
            question = last


def whole_slices(asked: Asked, batch: int, done: int = 0) -> Iterator[Slice]:
    """Yield slices of whole questions, at least one, after the first `done` answers, which must be whole slices too.

    Random numbers are drawn one slice at a time, so the beginning of a slice is part of the measurement.
    """
    at_once = max(1, batch // asked.samples)
    for first in range(done // asked.samples, len(asked.problems), at_once):
        last = min(len(asked.problems), first + at_once)
        yield Slice(first=first, last=last, begin=0, end=asked.samples)


def whole(asked: Asked, batch: int, done: int) -> int:
    """Return how many of the first `done` answers are whole slices of `whole_slices`."""
    answers = max(1, batch // asked.samples) * asked.samples
    return asked.size if done >= asked.size else done // answers * answers
