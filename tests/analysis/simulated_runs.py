"""Simulated studies in which no arm differs from another: what tests find in them is false.

A run scores T tasks. Scores have variance 1, a share `within` of it common to the tasks of a run, so that two tasks of
one run correlate by `within`. Of that common part a share `seed` belongs to the seed and is common to the arms that
share seeds. Letters: S simulated studies, A arms, R runs (seeds) an arm, T tasks.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

TASKS = 5
SEED_SHARE = 0.5
"""Correlation of two arms' run effects at one seed, where seeds are shared."""


def draw_scores(
    rng: np.random.Generator, studies: int, arms: int, runs: int, within: float, paired: bool
) -> NDArray[np.float64]:
    """score_SART."""
    shared = SEED_SHARE if paired else 0.0
    seed_SR = rng.normal(size=(studies, 1, runs, 1))
    run_SAR = rng.normal(size=(studies, arms, runs, 1))
    task_SART = rng.normal(size=(studies, arms, runs, TASKS))
    common = np.sqrt(shared) * seed_SR + np.sqrt(1 - shared) * run_SAR
    return np.sqrt(within) * common + np.sqrt(1 - within) * task_SART
