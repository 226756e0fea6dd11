"""Word n-grams that evaluation questions share with training questions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from sspo.contamination.words import normalized
from sspo.types import Problem

WHOLE = 8
"""Words that a question shorter than n must have to be searched for as a whole: fewer occur in a text by chance."""


def fewest(n: int) -> int:
    """Return the number of words that a question must have to be searched for."""
    return min(n, WHOLE)


def is_checkable(question: str, n: int) -> bool:
    """Return whether a question has enough words to be searched for."""
    return len(normalized(question)) >= fewest(n)


def is_shorter(question: str, n: int) -> bool:
    """Return whether a question has fewer than n words, so that it is searched for as a whole."""
    return len(normalized(question)) < n


def overlapping(questions: Sequence[str], training: Iterable[Problem], n: int) -> dict[int, str]:
    """Return, by the position of each question that overlaps, the id of the first training question that it overlaps
    with.

    A question overlaps if any n of its words in a row also occur in a row in a training question; for one with fewer
    than n words, all of them, if they are at least WHOLE. The training questions are read once, in their order.
    """
    owners: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for place, question in enumerate(questions):
        for gram in _grams(normalized(question), n):
            owners[gram].append(place)
    lengths: dict[str, set[int]] = defaultdict(set)
    for gram in owners:
        lengths[gram[0]].add(
            len(gram)
        )  # so that each position in a text is compared only with n-grams that may begin there
    found: dict[int, str] = {}
    for problem in training:
        words = normalized(problem.prompt)
        for start, word in enumerate(words):
            for length in lengths.get(word, ()):
                for place in owners.get(tuple(words[start : start + length]), ()):
                    found.setdefault(place, problem.id)
    return found


def _grams(words: Sequence[str], n: int) -> set[tuple[str, ...]]:
    """Return every n words in a row, all words if there are fewer, and nothing if these are too few to be informative."""
    if len(words) < fewest(n):
        return set()
    size = min(n, len(words))
    return {tuple(words[start : start + size]) for start in range(len(words) - size + 1)}
