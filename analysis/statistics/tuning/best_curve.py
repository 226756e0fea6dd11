"""Expected best score against budget: what k tried points bring, if each is drawn from the space at random.

Dodge et al. (arXiv 1909.03004) estimate it from the order statistics of the scores that were seen. The highest of several noisy scores
is mostly the luckiest one, so that this estimate lies above what the chosen point scores when it is trained again. Here the maximum is
taken of true scores, under surfaces that the pilot runs leave possible: noise does not enter it, and its uncertainty does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.statistics.tuning.space import spread_points
from analysis.statistics.tuning.surface import WIDER, Surface

Floats = NDArray[np.float64]
POINTS = 256
DRAWS = 400


@dataclass(frozen=True)
class BestCurve:
    """Expected best score of k points for k = 1 to n; every array has shape [n], scores are shares in [0, 1]."""

    budget: NDArray[np.int64]
    """Number of points."""
    mean: Floats
    low: Floats
    high: Floats
    """Ends of the pointwise 95 % interval."""


def best_curve(surface: Surface, largest: int, rng: np.random.Generator, level: float = 0.95) -> BestCurve:
    """Return the expected true score of the best of 1 to `largest` points drawn uniformly from the space."""
    drawn = np.clip(surface.draws(spread_points(surface.options, POINTS), DRAWS, rng), 0, 1)
    expected = expected_best(drawn, largest)
    tail = (1 - level) / 2
    mean, ends = expected.mean(axis=0), np.quantile(expected, [tail, 1 - tail], axis=0)
    low, high = np.clip(mean + WIDER * (ends - mean), 0, 1)
    return BestCurve(np.arange(1, largest + 1), mean, low, high)


def expected_best(scores: Floats, largest: int) -> Floats:
    """Return E[max of k] for k = 1 to `largest` of scores that are equally likely, drawn with replacement; (..., points) to (..., k)."""
    ordered = np.sort(scores, axis=-1)
    rank = np.arange(ordered.shape[-1] + 1) / ordered.shape[-1]
    chance_KP = np.diff(rank ** np.arange(1, largest + 1)[:, None], axis=-1)
    return np.asarray(ordered @ chance_KP.T)
