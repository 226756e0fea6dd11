"""Power laws of a positive quantity whose scale is free for every optimizer step: E[y | x] = a_step exp(theta . x).

theta minimizes the quasi-likelihood loss mean(log m + y / m), the one of a Gamma regression with a log link and, where
y is a square, of a Gaussian with variance m. It is consistent for any tails of y as long as the mean is right. Scales
are profiled out: a_step = mean(y / exp(theta . x)). The remaining loss, sum_step N log sum(y exp(-theta . x)) + sum
theta . x, is convex in theta, and its minimum has a plain meaning: summed over steps, the mean of x weighted by y /
exp(theta . x) equals the plain mean of x.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
MOST_STEPS, MOST_EXPONENT, PRECISION = 100, 50.0, 1e-10
FLAT = 1e-6
"""Standard deviation within optimizer steps below which a column of x says nothing."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """K cells of units that share an optimizer step and x."""

    step_K: NDArray[np.int64]
    """From 0, without gaps."""
    units_K: Array
    total_K: Array
    """Sum of y over the units of the cell."""
    x_KP: Array
    known_K: Array
    """Known part of log m, such as an exponent that is not estimated; added to theta . x."""


def fit(sample: Sample, needed: int = 1) -> Array | None:
    """Return theta_P; columns without spread within optimizer steps have 0. None if one of the first `needed` columns has
    none, or if no minimum exists.
    """
    sample = _moving(sample)
    if not len(sample.units_K):
        return None
    spread_P = np.sqrt(_within(sample, sample.units_K)[1].diagonal() / sample.units_K.sum())
    used = spread_P > FLAT
    theta_P = np.zeros(len(spread_P))
    if not used[:needed].all():
        return None
    if not used.any():
        return theta_P
    scaled = _with_x(sample, sample.x_KP[:, used] / spread_P[used])
    found = _minimum(scaled)
    if found is None:
        return None
    theta_P[used] = found / spread_P[used]
    return theta_P if np.abs(theta_P).max() < MOST_EXPONENT else None


def _minimum(sample: Sample) -> Array | None:
    """Return the minimum of the convex loss by Newton steps, halved until the loss falls."""
    theta_P = np.zeros(sample.x_KP.shape[1])
    loss = deviance(sample, theta_P)
    for _ in range(MOST_STEPS):
        weight_K = _weights(sample, theta_P)
        mean_P, spread_PP = _within(sample, weight_K)
        gradient_P = sample.units_K @ sample.x_KP - mean_P
        if np.linalg.cond(spread_PP) > 1 / PRECISION:
            return None
        step_P = -np.linalg.solve(spread_PP, gradient_P)
        if np.abs(step_P).max() < PRECISION:
            return theta_P
        while (after := deviance(sample, theta_P + step_P)) > loss:
            step_P = step_P / 2
            if np.abs(step_P).max() < PRECISION:
                return theta_P  # what is left is rounding
        theta_P, loss = theta_P + step_P, after
    return None


def deviance(sample: Sample, theta_P: Array) -> float:
    """Return mean(log m + y / m) over units, with the scale of every step that minimizes it: minus twice a Gaussian
    log-likelihood per unit if y is a square, up to a constant.
    """
    sample = _moving(sample)
    log_m_K = sample.x_KP @ theta_P + sample.known_K
    units_S = np.bincount(sample.step_K, sample.units_K)
    scale_S = _log_scales(sample, log_m_K)
    return float((units_S @ scale_S + sample.units_K @ log_m_K) / units_S.sum()) + 1.0


def log_scales(sample: Sample, theta_P: Array) -> Array:
    """Return log a of every optimizer step; -inf if all of its y are 0."""
    with np.errstate(divide="ignore"):
        return _log_scales(sample, sample.x_KP @ theta_P + sample.known_K)


def _log_scales(sample: Sample, log_m_K: Array) -> Array:
    exponent_K = _log(sample.total_K) - log_m_K
    highest_S = np.full(int(sample.step_K.max()) + 1, -np.inf)
    np.maximum.at(highest_S, sample.step_K, exponent_K)
    highest_S = np.where(np.isfinite(highest_S), highest_S, 0.0)  # a step in which nothing moved
    sum_S = np.asarray(np.bincount(sample.step_K, np.exp(exponent_K - highest_S[sample.step_K])), np.float64)
    units_S = np.bincount(sample.step_K, sample.units_K)
    return np.asarray(_log(sum_S) + highest_S - np.log(units_S))


def _log(value: Array) -> Array:
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(value))


def _weights(sample: Sample, theta_P: Array) -> Array:
    """Return units by y / m, which sum to the units of each step."""
    log_m_K = sample.x_KP @ theta_P + sample.known_K
    scale_S = _log_scales(sample, log_m_K)
    return np.exp(_log(sample.total_K) - log_m_K - scale_S[sample.step_K])


def _within(sample: Sample, weight_K: Array) -> tuple[Array, Array]:
    """Return the weighted sum of x, and its sum of squares and products within steps."""
    whole_S = np.bincount(sample.step_K, weight_K)
    sums_SP = np.stack([np.bincount(sample.step_K, weight_K * x_K) for x_K in sample.x_KP.T], 1)
    centered_KP = sample.x_KP - (sums_SP / whole_S[:, None])[sample.step_K]
    return sums_SP.sum(0), (weight_K[:, None] * centered_KP).T @ centered_KP


def _moving(sample: Sample) -> Sample:
    """Leave out optimizer steps in which every y is 0: they have no scale."""
    moved_S = np.bincount(sample.step_K, sample.total_K) > 0
    if moved_S.all():
        return sample
    kept_K = moved_S[sample.step_K]
    return Sample(
        step_K=(np.cumsum(moved_S) - 1)[sample.step_K[kept_K]],
        units_K=sample.units_K[kept_K],
        total_K=sample.total_K[kept_K],
        x_KP=sample.x_KP[kept_K],
        known_K=sample.known_K[kept_K],
    )


def _with_x(sample: Sample, x_KP: Array) -> Sample:
    return Sample(
        step_K=sample.step_K,
        units_K=sample.units_K,
        total_K=sample.total_K,
        x_KP=x_KP,
        known_K=sample.known_K,
    )
