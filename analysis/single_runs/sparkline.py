"""A row of numbers as one line of characters."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise

LEVELS = "▁▂▃▄▅▆▇█"
ASCII_LEVELS = "_.-:=+*#"
TRUSTED = 9
"""Digits of a position between the ends: halfway is halfway, whatever its binary fraction."""
MIDDLE = 3
"""The level of numbers that are all the same, unless they are all zero."""


def ends(rows: Iterable[Iterable[float]]) -> tuple[float, float]:
    """Return the lowest and the highest finite number; nan if there is none."""
    seen = [value for row in rows for value in row if math.isfinite(value)]
    return (min(seen), max(seen)) if seen else (math.nan, math.nan)


def sparkline(values: Sequence[float], low: float, high: float, width: int, levels: str = LEVELS) -> str:
    """Return one character per value between `low` and `high`, or per mean of neighbors if there are more
    than `width`; a blank where there is no value.
    """
    return "".join(_level(value, low, high, levels) for value in _fitted(values, width))


def _level(value: float, low: float, high: float, levels: str) -> str:
    if not math.isfinite(value):
        return " "
    if high <= low:
        return levels[MIDDLE if value else 0]
    share = round((value - low) / (high - low), TRUSTED)
    return levels[min(len(levels) - 1, int(len(levels) * share))]


def _fitted(values: Sequence[float], width: int) -> list[float]:
    if len(values) <= width:
        return list(values)
    edges = [i * len(values) // width for i in range(width + 1)]
    return [_mean(values[start:end]) for start, end in pairwise(edges)]


def _mean(values: Sequence[float]) -> float:
    seen = [value for value in values if math.isfinite(value)]
    return sum(seen) / len(seen) if seen else math.nan
