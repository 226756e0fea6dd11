"""Correlations of the score at two points: a product over options, at every combination of a few fixed length scales.

Numbers are correlated by their distance in coordinates, Matern 5/2 (Rasmussen & Williams 2006, eq. 4.17). Unequal choices, and an
option that is absent at one of the two points, are one whole range apart, wherever they stand in the spec.
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


def lengths_of(options: int) -> Floats:
    """Return every combination of length scales, shape [combinations, options]."""
    grid = LENGTHS if options <= 2 else FEWER_LENGTHS
    own = min(options, MOST_OPTIONS)
    found = np.array(list(itertools.product(grid, repeat=own)), dtype=np.float64).reshape(-1, own)
    return np.hstack([found, np.repeat(found[:, -1:], options - own, axis=1)])


def factors(options: Sequence[Option], left: Floats, right: Floats) -> list[dict[float, Floats]]:
    """Return for each option its correlation by length scale, each of shape [left, right]. Coordinates as of `space.coordinates`."""
    grid = LENGTHS if len(options) <= 2 else FEWER_LENGTHS
    found = []
    for column, option in enumerate(options):
        apart = _distance(option, left[:, column], right[:, column])
        found.append({length: _matern(apart / length) for length in grid})
    return found


def product(factors: Sequence[dict[float, Floats]], lengths: Floats, shape: tuple[int, int]) -> Floats:
    """Return the correlation at one combination of length scales."""
    whole = np.ones(shape)
    for by_length, length in zip(factors, lengths, strict=True):
        whole = whole * by_length[float(length)]
    return whole


def _distance(option: Option, left: Floats, right: Floats) -> Floats:
    a, b = left[:, None], right[None, :]
    one_absent = np.isnan(a) != np.isnan(b)
    apart = np.abs(np.nan_to_num(a) - np.nan_to_num(b))
    if not option.is_numeric:
        apart = (apart > 1e-9).astype(np.float64)
    return np.where(one_absent, 1.0, apart)


def _matern(scaled: Floats) -> Floats:
    root = np.sqrt(5.0) * scaled
    return np.asarray((1 + root + root**2 / 3) * np.exp(-root))
