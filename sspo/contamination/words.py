"""Texts cut into words, and two texts compared."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

WORD = re.compile(r"\w+")
UNBROKEN = re.compile(r"\S+")
ROUNDING = 1e-9
"""0.6 x 5 words must be 3 words, whatever a float makes of it."""


def normalised(text: str) -> list[str]:
    """Words in lower case without punctuation, as n-grams are made of: `\\frac{1}{2}?` is frac, 1, 2."""
    return WORD.findall(text.lower())


def cut(text: str, share: float) -> tuple[str, str] | None:
    """The text up to the end of that share of its words, rounded down, and the rest with the space before it.

    A word ends at a space. At least one word stands on either side; None where the text has only one.
    """
    ends = [match.end() for match in UNBROKEN.finditer(text)]
    if len(ends) < 2:
        return None
    kept = min(max(math.floor(share * len(ends) + ROUNDING), 1), len(ends) - 1)
    return text[: ends[kept - 1]], text[ends[kept - 1] :]


def as_long_as(continuation: str, rest: str) -> list[str]:
    """Words of the continuation, no more than the rest has."""
    return continuation.split()[: len(rest.split())]


def is_exact(continuation: str, rest: str) -> bool:
    """Whether the continuation begins with the rest, word for word; space of any kind and length is one space."""
    return as_long_as(continuation, rest) == rest.split()


def rouge_l(continuation: str, rest: str) -> float:
    """ROUGE-L as an F1 (Lin, 2004, with beta = 1) over words, of a continuation cut to as many words as the rest has."""
    mine, wanted = as_long_as(continuation, rest), rest.split()
    return 2 * common(mine, wanted) / (len(mine) + len(wanted))


def common(first: Sequence[str], second: Sequence[str]) -> int:
    """Length of the longest common subsequence."""
    above = [0] * (len(second) + 1)
    for one in first:
        row = [0]
        for j, other in enumerate(second):
            row.append(above[j] + 1 if one == other else max(row[j], above[j + 1]))
        above = row
    return above[-1]
