"""Texts split into words, and comparison of two texts.

A word ends at a space. Scripts without spaces between words (Chinese, Japanese, Thai, Lao, Burmese, Khmer) have one
word per character.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence

UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
"""Characters of scripts without spaces between words."""
ALONE = re.compile(f"[{UNSPACED}]")
UNBROKEN = re.compile(rf"[{UNSPACED}]|[^\s{UNSPACED}]+")
ROUNDING = 1e-9
"""Tolerance: 0.6 x 5 words must be 3 words despite floating-point rounding."""


class _Parts(dict[int, str]):
    """The role of a character in words: part of one, one of its own, or the end of one. Each is looked up once."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        if not (character.isalnum() or character == "_" or unicodedata.category(character).startswith("M")):
            self[code] = " "
        else:
            self[code] = f" {character} " if ALONE.match(character) else character
        return self[code]


PARTS = _Parts()


def normalized(text: str) -> list[str]:
    """Return words without case and punctuation, the elements of n-grams: `\\frac{1}{2}?` is frac, 1, 2.

    Unicode's NFKC and case folding: é is one letter however it is written, and ﬁ is fi.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return folded.translate(PARTS).split()


def cut(text: str, share: float) -> tuple[str, str] | None:
    """Return the text up to the end of that share of its words, rounded down, and the rest with the space before it.

    Each side has at least one word; None if the text has only one.
    """
    ends = [match.end() for match in UNBROKEN.finditer(text)]
    if len(ends) < 2:
        return None
    kept = min(max(math.floor(share * len(ends) + ROUNDING), 1), len(ends) - 1)
    return text[: ends[kept - 1]], text[ends[kept - 1] :]


def written(text: str) -> list[str]:
    """Return words unchanged, in Unicode's NFKC: their case and punctuation count."""
    return UNBROKEN.findall(unicodedata.normalize("NFKC", text))


def as_long_as(continuation: str, rest: str) -> list[str]:
    """Return words of the continuation, no more than the rest has."""
    return written(continuation)[: len(written(rest))]


def is_exact(continuation: str, rest: str) -> bool:
    """Return whether the continuation begins with the rest, word for word; space of any kind and length is one space."""
    return as_long_as(continuation, rest) == written(rest)


def rouge_l(continuation: str, rest: str) -> float:
    """Return ROUGE-L as an F1 (Lin, 2004, with beta = 1) over words, of a continuation cut to the number of words in
    the rest.
    """
    mine, wanted = as_long_as(continuation, rest), written(rest)
    return 2 * common(mine, wanted) / (len(mine) + len(wanted))


def common(first: Sequence[str], second: Sequence[str]) -> int:
    """Return the length of the longest common subsequence."""
    above = [0] * (len(second) + 1)
    for one in first:
        row = [0]
        for j, other in enumerate(second):
            row.append(above[j] + 1 if one == other else max(row[j], above[j + 1]))
        above = row
    return above[-1]
