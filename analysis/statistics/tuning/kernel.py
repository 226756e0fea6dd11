"""What is believed about a score before any run: how alike it is at two points, and that it falls toward the ends of a range.

Points of a space are given by their coordinates, shape [points, options], nan where an option is absent.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from analysis.statistics.tuning.space import Option

Floats = NDArray[np.float64]
LENGTHS = (0.2, 0.4, 0.8, 1.6)
"""Length scales of one option, in widths of its range."""
FEWER_LENGTHS = (0.3, 1.2)
"""The same in spaces of three options or more, whose combinations would be too many."""
MOST_OPTIONS = 6
"""Options that have a length scale of their own; those after them share one."""
TREND = 0.7
"""Variance of a score's slope from the middle of a range to its end, as a multiple of the variance of its other deviations."""
DOME = 0.5
"""How far the score is expected to fall from the middle of a range to its ends, in standard deviations of the score."""


def lengths_of(options: int) -> Floats:
    """Return every combination of length scales, shape [combinations, options]."""
    grid = _grid(options)
    own = min(options, MOST_OPTIONS)
    found = np.array(list(itertools.product(grid, repeat=own)), dtype=np.float64).reshape(
        len(grid) ** own, own
    )
    return np.hstack([found, np.repeat(found[:, -1:], options - own, axis=1)])


class Likeness:
    """Covariances of the score at two lists of points, divided by the variance of the score, at any combination of length scales.

    A product over options of exp(-d^2 / 2 l^2) (Rasmussen & Williams 2006, eq. 4.9) plus a linear trend in each number (section
    2.7). d is the distance of two numbers' coordinates; unequal choices, and an option that is absent at one of the points, are one
    whole range apart.
    """

    def __init__(self, options: Sequence[Option], left: Floats, right: Floats) -> None:
        self.shape = len(left), len(right)
        self._trend = TREND * _centerd(options, left) @ _centerd(options, right).T
        self._factors = []
        for column, option in enumerate(options):
            square = _distance(option, left[:, column], right[:, column]) ** 2
            self._factors.append({x: np.exp(-square / (2 * x * x)) for x in _grid(len(options))})

    def at(self, lengths: Floats) -> Floats:
        """Return the covariances at one combination of length scales, shape [left, right]."""
        whole = np.ones(self.shape)
        for by_length, length in zip(self._factors, lengths, strict=True):
            whole *= by_length[float(length)]
        return whole + self._trend


def own_likeness(options: Sequence[Option], points: Floats) -> Floats:
    """Return the diagonal of `Likeness` of points with themselves, shape [points]."""
    return np.asarray(1 + TREND * (_centerd(options, points) ** 2).sum(axis=1))


def dome(options: Sequence[Option], points: Floats) -> Floats:
    """Return the expected score, up to a constant, in standard deviations of the score, shape [points].

    Ranges are drawn around values that are believed to be good. Without this, the far corner of a space, about which eight points
    say little, wins too often. Where an option is absent, it counts as a range's mean does.
    """
    numeric = [column for column, option in enumerate(options) if option.is_numeric]
    squares = (2 * points[:, numeric] - 1) ** 2
    return np.asarray(-DOME * np.where(np.isnan(squares), 1 / 3, squares).sum(axis=1))


def _grid(options: int) -> tuple[float, ...]:
    return LENGTHS if options <= 2 else FEWER_LENGTHS


def _centerd(options: Sequence[Option], points: Floats) -> Floats:
    """Return coordinates from -1 to 1, zero for choices and where an option is absent."""
    numeric = np.array([option.is_numeric for option in options], dtype=bool)
    return np.where(np.isnan(points) | ~numeric, 0.0, 2 * points - 1)


def _distance(option: Option, left: Floats, right: Floats) -> Floats:
    a, b = left[:, None], right[None, :]
    one_absent = np.isnan(a) != np.isnan(b)
    apart = np.abs(np.nan_to_num(a) - np.nan_to_num(b))
    if not option.is_numeric:
        apart = (apart > 1e-9).astype(np.float64)
    return np.where(one_absent, 1.0, apart)
