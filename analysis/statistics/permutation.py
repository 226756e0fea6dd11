"""Sign flips of one difference: exact if all arrangements can be listed, else drawn from a given generator."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOST_ARRANGEMENTS = 200_000
"""The most that are listed: those of 17 pairs."""
DRAWS = 20_000
"""Draws for more pairs than that: a p of 0.05 then has a standard error of 0.0015."""
TIE = 1e-9
"""Arrangements whose statistic falls short of the observed one by rounding alone count as equal to it."""
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Permutation:
    """Treatment minus baseline and its two-sided p."""

    difference: float
    p: float
    arrangements: int
    """Number of arrangements that p is a share of."""
    exact: bool
    """Whether these are all arrangements; otherwise they were drawn, and the observed one is counted with them."""


def permute_pairs(treatment_R: Floats, baseline_R: Floats, rng: np.random.Generator) -> Permutation:
    """Test paired differences by sign flips: they are symmetric around 0 if arms do not differ.

    `rng` is used only above 17 pairs: give it a named seed. Raises ValueError if there are no pairs.
    """
    n = np.size(treatment_R)
    if np.shape(treatment_R) != np.shape(baseline_R) or not n:
        raise ValueError(f"{n} and {np.size(baseline_R)} values do not form pairs")
    difference_R = np.asarray(treatment_R, dtype=np.float64) - np.asarray(baseline_R, dtype=np.float64)
    exact = 2**n <= MOST_ARRANGEMENTS
    bits = np.arange(2**n)[:, None] >> np.arange(n) if exact else rng.integers(2, size=(DRAWS, n))
    return _judge(float(difference_R.mean()), (1.0 - 2.0 * (bits & 1)) @ difference_R / n, exact)


def _judge(difference: float, arranged: Floats, exact: bool) -> Permutation:
    scale = max(abs(difference), float(np.abs(arranged).max()))
    beyond = int((np.abs(arranged) >= abs(difference) - TIE * scale).sum())
    if exact:
        return Permutation(difference, beyond / arranged.size, int(arranged.size), True)
    return Permutation(difference, (1 + beyond) / (1 + arranged.size), int(arranged.size) + 1, False)
