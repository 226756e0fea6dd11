"""The cells of a column as LaTeX with digits aligned below digits: \\phantom holds the room of missing ones.

The numbers of one column have one shape, such as `12.3 ± 0.4` or `+8.7 [1.5, 16.0]`. The last number ends at
the right edge; each earlier one gets the room of its longest value.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from analysis.text.escape import latex

_NUMBER = re.compile(r"[+−]?(?:\d[\d,]*(?:\.\d+)?|\.\d+)(?:e[+-]?\d+)?")
_PARTS = re.compile(r"(?P<sign>[+−]?)(?P<whole>[\d,]*)(?P<rest>.*)", re.DOTALL)
LONGEST_MARK = 3
"""Characters after the last number that are only a mark, such as ` †`."""


@dataclass(frozen=True)
class _Shape:
    """The numbers of a cell, and the text between, before and after them."""

    numbers: tuple[str, ...]
    between: tuple[str, ...]
    before: str
    behind: str

    def begins(self, other: _Shape) -> bool:
        """Return whether a longer cell begins as this one does, and this one ends in at most a mark."""
        return self.between == other.between[: len(self.between)] and len(self.behind) <= LONGEST_MARK


def aligned(texts: Sequence[str]) -> list[str]:
    """Return the cells of a right-aligned column as LaTeX."""
    shapes = [_shape(text) for text in texts]
    longest = _longest([shape for shape in shapes if shape is not None])
    if longest is None:
        return [latex(text) for text in texts]
    fitting = [shape if shape is not None and shape.begins(longest) else None for shape in shapes]
    whole = [s for s in fitting if s is not None and len(s.numbers) == len(longest.numbers)]
    mark = max((s.behind for s in whole), key=len)
    numbers = [s.numbers for s in fitting if s is not None]
    room = [[_parts(of[i]) for of in numbers if len(of) > i] for i in range(len(longest.numbers))]
    if any(
        sep[:1] != " " and len({len(r) for *_, r in of}) > 1
        for sep, of in zip((*longest.between, longest.behind or " "), room, strict=True)
    ):  # decimals of several lengths would leave holes inside brackets
        return [latex(text) for text in texts]
    return [
        latex(text) if shape is None else _cell(shape, longest, room, mark)
        for text, shape in zip(texts, fitting, strict=True)
    ]


def _shape(text: str) -> _Shape | None:
    numbers = tuple(found[0] for found in _NUMBER.finditer(text))
    first, *others = _NUMBER.split(text)
    between, last = others[:-1], others[-1] if others else ""
    if not numbers or "e" in "".join(numbers) or "/" in between:  # 8/8 is one value
        return None
    return _Shape(numbers, tuple(between), first, last)


def _longest(shapes: Sequence[_Shape]) -> _Shape | None:
    """Return the most frequent shape among the cells with most numbers; None if too many cells differ from
    it.
    """
    if not shapes:
        return None
    most = max(len(shape.numbers) for shape in shapes)
    usual = Counter(shape.between for shape in shapes if len(shape.numbers) == most).most_common(1)[0][0]
    found = next(shape for shape in shapes if shape.between == usual)
    return found if 2 * sum(shape.begins(found) for shape in shapes) > len(shapes) else None


def _parts(number: str) -> tuple[str, str, str]:
    """Split a number into sign, whole part and the rest."""
    found = _PARTS.fullmatch(number)
    assert found is not None
    return found["sign"], found["whole"], found["rest"]


def _cell(shape: _Shape, longest: _Shape, room: Sequence[Sequence[tuple[str, str, str]]], mark: str) -> str:
    out = _edged(shape.before)
    for i, number in enumerate(shape.numbers):
        sign, whole, rest = _parts(number)
        if i:
            signed = any(s for s, _, _ in room[i]) and not sign
            short = max(len(w) for _, w, _ in room[i]) - len(whole)
            out += _edged(shape.between[i - 1]) + _held("+" * signed + "0" * short)
        out += latex(number) + _held(max((r for _, _, r in room[i]), key=len)[len(rest) :])
    missing = range(len(shape.numbers), len(longest.numbers))
    left_out = "".join(longest.between[i - 1] + max(map("".join, room[i]), key=len) for i in missing)
    return out + _edged(shape.behind) + _held(left_out + mark[len(shape.behind) :])


def _held(text: str) -> str:
    """Return the room of a text without the text."""
    held = re.sub(r"\d", "0", text)
    return rf"\phantom{{{_edged(held).replace(' ', '~')}}}" if text else ""


def _edged(text: str) -> str:
    """Return part of a line as LaTeX, with the blanks at its ends."""
    inner = latex(text)
    return " " * text[:1].isspace() + inner + " " * (text[-1:].isspace() and bool(inner))
