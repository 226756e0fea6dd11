"""Scores of one run from its questions and samples, and their errors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.statistics.intervals import Interval, t_interval
from sspo.metrics.at_k import pass_at_k


def avg_at_k(value_QK: NDArray[np.float64]) -> float:
    """Return the mean over questions of the mean over k samples."""
    return float(np.mean(np.mean(value_QK, axis=1)))


def avg_at_k_interval(value_QK: NDArray[np.float64], level: float = 0.95) -> Interval:
    """Return avg@k of one run's samples with a t interval over its Q questions, the sampling unit: samples of one question share it.

    The interval measures the precision of one run's score, not the spread over runs. One question has no interval. Raises
    ValueError without questions.
    """
    return _within_unit(t_interval(value_QK.mean(axis=1).tolist(), level))


def pass_at_k_interval(value_QK: NDArray[np.float64], k: int, level: float = 0.95) -> Interval:
    """Return unbiased pass@k of right (1) and wrong (0) samples, with a t interval over Q questions; k is at most the number of columns."""
    samples = value_QK.shape[1]
    return _within_unit(t_interval([pass_at_k(samples, int(c), k) for c in value_QK.sum(axis=1)], level))


def _within_unit(interval: Interval) -> Interval:
    """Clip an interval of a share to [0, 1], which a t interval may leave."""
    if interval.low is None or interval.high is None:
        return interval
    return Interval(interval.point, max(0.0, interval.low), min(1.0, interval.high), interval.n)


@dataclass(frozen=True)
class EvaluationError:
    """Standard errors of one run's score: `clustered` if questions are drawn as well, `sampling` given the questions."""

    clustered: float | None
    """None if a set has fewer than two questions."""
    sampling: float | None
    """None if a set has one sample per question."""


def evaluation_error(sets: Sequence[NDArray[np.float64]]) -> EvaluationError:
    """Return the errors of the unweighted mean over sets; each set is value_QK, one row per question and one column per sample.

    Samples of one question are not independent questions: the clustered error takes question means as its unit.
    """
    questions = min((value_QK.shape[0] for value_QK in sets), default=0)
    samples = min((value_QK.shape[1] for value_QK in sets), default=0)
    clustered = (
        [float(v.mean(axis=1).var(ddof=1)) / len(v) for v in sets] if questions > 1 and samples else None
    )
    sampling = (
        [float(v.var(axis=1, ddof=1).sum()) / v.shape[1] / len(v) ** 2 for v in sets]
        if questions and samples > 1
        else None
    )
    return EvaluationError(_root_of_mean_over(clustered), _root_of_mean_over(sampling))


def _root_of_mean_over(variances: list[float] | None) -> float | None:
    """Return the standard error of an unweighted mean over sets from the variance of each set's score."""
    return None if variances is None else math.sqrt(sum(variances)) / len(variances)


def root_mean_square(numbers: list[float]) -> float:
    """Combine standard errors of equal runs into a typical one."""
    return float(np.sqrt(np.mean(np.square(numbers))))
