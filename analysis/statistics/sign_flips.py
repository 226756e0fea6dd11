"""Joint sign flips of paired differences: control of a family's error rate without an assumption about the distribution of scores.

Under the hypothesis that arms do not differ, a seed's differences from the reference are as likely as their negatives. All arms of a
seed are flipped together, so that what they share (above all the reference) is kept, and the largest statistic over the arms is
compared with its distribution over flips (Westfall and Young 1993; step-down: Romano and Wolf 2005).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from analysis.statistics.permutation import DRAWS, MOST_ARRANGEMENTS, TIE

FEWEST_PAIRS = 8
"""With fewer pairs, a p below 0.05 is impossible (fewer than six) or requires differences of one sign throughout."""
Floats = NDArray[np.float64]


def sign_flip_p(difference_AS: Floats, rng: np.random.Generator) -> Floats:
    """Return the step-down max-T p of each row's mean (A arms, S seeds), exact up to 18 seeds; above, `rng` draws 20,000 flips.

    The statistic is the mean over the root mean square, which no flip changes: it increases with the paired t, and is finite even
    if t is not. Raises ValueError if there are no differences.
    """
    arms, seeds = difference_AS.shape
    if not difference_AS.size:
        raise ValueError("no differences")
    scale_A = np.sqrt((difference_AS**2).mean(axis=1))
    unit_AS = np.divide(
        difference_AS, scale_A[:, None], out=np.zeros_like(difference_AS), where=scale_A[:, None] > 0
    )
    exact = 2 ** (seeds - 1) <= MOST_ARRANGEMENTS
    flips_RS = _all_flips(seeds) if exact else rng.choice([-1.0, 1.0], size=(DRAWS, seeds))
    flipped_RA = np.abs(flips_RS @ unit_AS.T) / seeds
    seen_A = np.abs(unit_AS.mean(axis=1))
    order = np.argsort(-seen_A, kind="stable")
    # the largest over the arms from each position on: an arm is compared with those that were not rejected before it
    largest_RA = np.maximum.accumulate(flipped_RA[:, order[::-1]], axis=1)[:, ::-1]
    beyond_A = (largest_RA >= seen_A[order] - TIE).sum(axis=0)
    p = beyond_A / len(flips_RS) if exact else (1 + beyond_A) / (1 + len(flips_RS))
    found_A: Floats = np.empty(arms)
    found_A[order] = np.maximum.accumulate(p)
    return found_A


def _all_flips(seeds: int) -> Floats:
    """Return every pattern with the first sign kept: a pattern and its negative have the same statistic."""
    bits = np.arange(2 ** (seeds - 1))[:, None] >> np.arange(seeds)
    return np.asarray(1.0 - 2.0 * (bits & 1))


def smallest_sign_flip_p(seeds: int) -> float:
    """Return the smallest p that this many pairs can give."""
    return math.ldexp(1.0, 1 - seeds)
