"""Percentile intervals from resampled runs, and the statistics that they serve: IQM, probability of improvement.

A whole run is drawn, with its scores on every task: they share the run's luck. The intervals are too short at the
numbers of seeds that training affords: for a mean, nominal 95 % intervals cover 75 % at 3 runs, 83 % at 5 and 89 % at 8
(docs/statistics.md). If a mean is enough, prefer `t_interval`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from analysis.statistics.intervals import Interval

RESAMPLES = 4000
Floats = NDArray[np.float64]


def named_rng(*purpose: str | int) -> np.random.Generator:
    """Return a generator whose stream depends on its purpose and on nothing else: equal names give equal numbers."""
    digest = hashlib.sha256("\x1f".join(map(str, purpose)).encode()).digest()
    return np.random.default_rng(np.frombuffer(digest, dtype=np.uint32))


def bootstrap_interval(
    score_RT: Floats,
    statistic: Callable[[Floats], Floats],
    rng: np.random.Generator,
    level: float = 0.95,
    resamples: int = RESAMPLES,
) -> Interval:
    """Return the percentile interval of a statistic of R runs on T tasks, whole runs resampled.

    `statistic` maps scores of shape (..., R, T) to shape (...). One run, or runs that are all equal, have no interval.
    Raises ValueError if there are no runs.
    """
    score_RT = _matrix(score_RT)
    runs, point = len(score_RT), float(statistic(score_RT))
    if _all_equal(score_RT):
        return Interval(point, None, None, runs)
    drawn = statistic(score_RT[rng.integers(runs, size=(resamples, runs))])
    return Interval(point, *_ends(drawn, level), runs)


def mean_score(score_RT: Floats) -> Floats:
    """Return the mean over runs and tasks; shape (..., R, T) to (...)."""
    return np.asarray(score_RT.mean(axis=(-2, -1)))


def iqm(score_RT: Floats) -> Floats:
    """Return the interquartile mean over all scores of all runs: a quarter is cut at each end, rounded down (arXiv 2108.13264).

    Shape (..., R, T) to (...). With fewer than four scores nothing is cut and the result is the mean.
    """
    flat = np.sort(score_RT.reshape(*score_RT.shape[:-2], -1), axis=-1)
    cut = flat.shape[-1] // 4
    return np.asarray(flat[..., cut : flat.shape[-1] - cut].mean(axis=-1))


def iqm_interval(
    score_RT: Floats, rng: np.random.Generator, level: float = 0.95, resamples: int = RESAMPLES
) -> Interval:
    """Return the IQM of R runs on T tasks with the percentile interval of resampled runs."""
    return bootstrap_interval(score_RT, iqm, rng, level, resamples)


def improvement(treatment_RT: Floats, baseline_RT: Floats) -> Floats:
    """Return P(treatment > baseline) + P(equal) / 2 over all pairs of runs, averaged over tasks; (..., R, T) to (...)."""
    difference = treatment_RT[..., :, None, :] - baseline_RT[..., None, :, :]
    return np.asarray((0.5 + 0.5 * np.sign(difference)).mean(axis=(-3, -2, -1)))


def probability_of_improvement(
    treatment_RT: Floats,
    baseline_RT: Floats,
    rng: np.random.Generator,
    paired: bool = False,
    level: float = 0.95,
    resamples: int = RESAMPLES,
) -> Interval:
    """Return the probability that a run of the treatment beats one of the baseline, averaged over tasks (arXiv 2108.13264, eq. 2).

    Sides are resampled independently, or together with `paired` (equal seeds in the same order). n is the smaller side's.
    There is no interval if a side has one run or no two runs differ. Raises ValueError if the numbers of tasks, or of paired
    runs, differ.
    """
    treatment_RT, baseline_RT = _matrix(treatment_RT), _matrix(baseline_RT)
    a, b, tasks = len(treatment_RT), len(baseline_RT), treatment_RT.shape[1]
    if tasks != baseline_RT.shape[1]:
        raise ValueError(f"{tasks} tasks on one side and {baseline_RT.shape[1]} on the other")
    if paired and a != b:
        raise ValueError(f"{a} and {b} runs do not form pairs")
    point = float(improvement(treatment_RT, baseline_RT))
    if min(a, b) < 2 or _all_equal(np.concatenate([treatment_RT, baseline_RT])):
        return Interval(point, None, None, min(a, b))
    mine = rng.integers(a, size=(resamples, a))
    theirs = mine if paired else rng.integers(b, size=(resamples, b))
    return Interval(point, *_ends(improvement(treatment_RT[mine], baseline_RT[theirs]), level), min(a, b))


def _matrix(score_RT: Floats) -> Floats:
    score_RT = np.asarray(score_RT, dtype=np.float64)
    if score_RT.ndim != 2 or not score_RT.size:
        raise ValueError(f"scores have shape (runs, tasks), got {score_RT.shape}")
    return score_RT


def _all_equal(score_RT: Floats) -> bool:
    return bool(np.ptp(score_RT, axis=0).max() <= 1e-12 * np.abs(score_RT).max())


def _ends(drawn: Floats, level: float) -> tuple[float, float]:
    low, high = np.quantile(drawn, [0.5 - level / 2, 0.5 + level / 2])
    return float(low), float(high)
