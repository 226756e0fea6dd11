"""Word n-grams that questions of an evaluation share with training questions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from sspo.contamination.words import normalised
from sspo.types import Problem

WHOLE = 8
"""Words that a question shorter than n must have to be looked for as a whole: fewer stand in a text by chance."""


def fewest(n: int) -> int:
    """Words that a question must have to be looked for."""
    return min(n, WHOLE)


def is_checkable(question: str, n: int) -> bool:
    """Whether a question has enough words to be looked for."""
    return len(normalised(question)) >= fewest(n)


def is_shorter(question: str, n: int) -> bool:
    """Whether a question has fewer than n words, so that all of them are looked for."""
    return len(normalised(question)) < n


def overlapping(questions: Sequence[str], training: Iterable[Problem], n: int) -> dict[int, str]:
    """By the place of each question that overlaps, the id of the first training question that it overlaps with.

    A question overlaps if any n words in a row of it stand in a row in a training question too; of one with fewer than n
    words, all of them, if they are at least WHOLE. The training questions are read once, in their order.
    """
    owners: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for place, question in enumerate(questions):
        for gram in _grams(normalised(question), n):
            owners[gram].append(place)
    lengths: dict[str, set[int]] = defaultdict(set)
    for gram in owners:
        lengths[gram[0]].add(
            len(gram)
        )  # so that a place in a text is looked at for what may begin there alone
    found: dict[int, str] = {}
    for problem in training:
        words = normalised(problem.prompt)
        for start, word in enumerate(words):
            for length in lengths.get(word, ()):
                for place in owners.get(tuple(words[start : start + length]), ()):
                    found.setdefault(place, problem.id)
    return found


def _grams(words: Sequence[str], n: int) -> set[tuple[str, ...]]:
    """Every n words in a row, all words where there are fewer, none where these are too few to say anything."""
    if len(words) < fewest(n):
        return set()
    size = min(n, len(words))
    return {tuple(words[start : start + size]) for start in range(len(words) - size + 1)}
