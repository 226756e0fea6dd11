"""Scores of one run from its questions and samples, and how exactly they are known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


def pass_at_k(n: int, correct: int, k: int) -> float:
    """Unbiased pass@k from `correct` of `n` samples (arXiv 2107.03374). Raises ValueError unless k <= n."""
    if not 0 <= correct <= n or not 1 <= k <= n:
        raise ValueError(f"pass@{k} from {correct} of {n} samples")
    return 1.0 - math.comb(n - correct, k) / math.comb(n, k)


def avg_at_k(value_QK: NDArray[np.float64]) -> float:
    """Mean over questions of the mean over k samples."""
    return float(np.mean(np.mean(value_QK, axis=1)))


@dataclass(frozen=True)
class EvaluationError:
    """Standard errors of one run's score. clustered: questions are drawn too; sampling: given the questions."""

    clustered: float
    sampling: float | None
    """None with one sample a question."""


def evaluation_error(sets: Sequence[NDArray[np.float64]]) -> EvaluationError:
    """Errors of the unweighted mean over sets; each set is value_QK, a row a question and a column a sample.

    Samples of one question are no independent questions: the clustered error takes question means as its unit.
    """
    clustered = sampling = 0.0
    one_sample = False
    for value_QK in sets:
        questions, samples = value_QK.shape
        clustered += float(value_QK.mean(axis=1).var(ddof=1)) / questions if questions > 1 else math.nan
        one_sample = one_sample or samples < 2
        if samples > 1:
            sampling += float(value_QK.var(axis=1, ddof=1).sum()) / samples / questions**2
    scale = len(sets)
    return EvaluationError(math.sqrt(clustered) / scale, None if one_sample else math.sqrt(sampling) / scale)
