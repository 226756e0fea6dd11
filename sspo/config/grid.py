"""Grids of clip bounds as people write them: `0.2`, `0.1,0.2,0.4`, or `1e-4:1:log40` for forty points on a log scale."""

from __future__ import annotations

import re

import numpy as np

from sspo.errors import UserError

MOST_POINTS = 1000
RANGE = re.compile(r"(?P<first>[^:]+):(?P<last>[^:]+):(?P<kind>log|lin)(?P<count>\d+)")


def parse_grid(key: str, text: str) -> tuple[float, ...]:
    """Return the positive numbers of a grid in ascending order, without duplicates. Raises UserError naming `key`."""
    matched = RANGE.fullmatch(text)
    if matched is None:
        numbers = [_number(key, part, text) for part in text.split(",")]
    else:
        first, last = (_number(key, matched[side], text) for side in ("first", "last"))
        count = int(matched["count"])
        if not 2 <= count <= MOST_POINTS or not first < last:
            raise UserError(
                f"{key}={text}: a range must ascend and have 2 to {MOST_POINTS} points, such as 1e-4:1:log40"
            )
        make = np.geomspace if matched["kind"] == "log" else np.linspace
        numbers = make(first, last, count).tolist()
    return tuple(sorted(set(numbers)))


def _number(key: str, part: str, text: str) -> float:
    try:
        number = float(part)
    except ValueError:
        number = float("nan")
    if not 0 < number < float("inf"):
        raise UserError(
            f"{key}={text}: '{part}' is not a positive number; write a number, a list like 0.1,0.2 or a range like 1e-4:1:log40"
        )
    return number
