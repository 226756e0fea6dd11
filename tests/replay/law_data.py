"""Units that follow a known law: heavy tails, entropies that are mostly near 0, segments of all lengths, steps of all sizes."""

from __future__ import annotations

import numpy as np

from sspo.replay.law.cells import Cells, gather, join

DF = 5
"""Degrees of freedom of D: the variance of D^2 is finite, but only just."""


def rollout(rng: np.random.Generator, b: float, c: float, *, units: int = 200, steps: int = 3) -> Cells:
    """One rollout: D = scale_step H^(b/2) n^(-c/2) t, with long segments the less certain ones."""
    size = units * steps
    step_U = np.repeat(np.arange(steps), units)
    near_zero_U = rng.random(size) < 0.5
    entropy_U = np.exp(np.where(near_zero_U, rng.normal(-8, 1.5, size), rng.normal(-1.5, 1.2, size)))
    tokens_U = np.where(rng.random(size) < 0.3, 1, rng.integers(1, 40, size))
    entropy_U *= tokens_U**-0.3
    scale_S = np.exp(rng.normal(-3, 0.7, steps))
    t_U = rng.standard_t(DF, size) / np.sqrt(DF / (DF - 2))
    return gather(
        step_U=step_U,
        tokens_U=tokens_U,
        active_U=rng.random(size) < 0.7,
        d_U=scale_S[step_U] * entropy_U ** (b / 2) * tokens_U ** (-c / 2) * t_U,
        entropy_U=entropy_U,
    )


def run(rng: np.random.Generator, b: float, c: float, rollouts: int = 2, **size: int) -> Cells:
    """A run of some rollouts."""
    return join([rollout(rng, b, c, **size) for _ in range(rollouts)])
