"""Scores of one run from its questions and samples, and how exactly they are known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.statistics.intervals import Interval, t_interval
from sspo.metrics.at_k import pass_at_k


def avg_at_k(value_QK: NDArray[np.float64]) -> float:
    """Mean over questions of the mean over k samples."""
    return float(np.mean(np.mean(value_QK, axis=1)))


def avg_at_k_interval(value_QK: NDArray[np.float64], level: float = 0.95) -> Interval:
    """avg@k of one run's samples with a t interval over its Q questions, which are what is drawn: samples of one share it.

    How exactly one run is scored, not how runs differ. One question has no interval. Raises ValueError on none.
    """
    return _within_unit(t_interval(value_QK.mean(axis=1).tolist(), level))


def pass_at_k_interval(value_QK: NDArray[np.float64], k: int, level: float = 0.95) -> Interval:
    """Unbiased pass@k (at most as large as the columns) of right (1) and wrong (0) samples, t interval over Q questions."""
    samples = value_QK.shape[1]
    return _within_unit(t_interval([pass_at_k(samples, int(c), k) for c in value_QK.sum(axis=1)], level))


def _within_unit(interval: Interval) -> Interval:
    """A share lies in [0, 1]; a t interval does not know."""
    if interval.low is None or interval.high is None:
        return interval
    return Interval(interval.point, max(0.0, interval.low), min(1.0, interval.high), interval.n)


@dataclass(frozen=True)
class EvaluationError:
    """Standard errors of one run's score. clustered: questions are drawn too; sampling: given the questions."""

    clustered: float | None
    """None where a set has fewer than two questions."""
    sampling: float | None
    """None where a set has one sample a question."""


def evaluation_error(sets: Sequence[NDArray[np.float64]]) -> EvaluationError:
    """Errors of the unweighted mean over sets; each set is value_QK, a row a question and a column a sample.

    Samples of one question are no independent questions: the clustered error takes question means as its unit.
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
    """Standard error of an unweighted mean over sets from the variance of each set's score."""
    return None if variances is None else math.sqrt(sum(variances)) / len(variances)


def root_mean_square(numbers: list[float]) -> float:
    """How standard errors of equal runs combine into a typical one."""
    return float(np.sqrt(np.mean(np.square(numbers))))
