"""The score of an arm at any point of its space, from scores of a few tried points: a Gaussian process, averaged over its unknown scales.

The score is a constant plus a smooth deviation (Rasmussen & Williams 2006, sections 2.2 and 2.7). Length scales and the size of the
deviation are not estimated, which is unstable with eight points, but averaged over a fixed grid, each combination weighted by how
likely it makes the scores: the same scores give the same fit, and its error includes what is not known about the scales.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.statistics.tuning.kernel import factors, lengths_of, product
from analysis.statistics.tuning.space import Option, Point, coordinates

Floats = NDArray[np.float64]
SIGNALS = (0.005, 0.015, 0.05, 0.15, 0.45)
"""Standard deviations of the score over a space, in shares of one."""
NOISES = (0.005, 0.01, 0.02, 0.04, 0.08)
"""Standard deviations of one run, if nothing measures it."""
LEAST_NOISE = 0.002
"""A known noise below this is taken as this: equal scores do not show that runs never differ."""
NEGLIGIBLE = 1e-4
"""Combinations with less than this share of the heaviest one's weight are left out."""


def pooled_noise(scores: Sequence[Sequence[float]]) -> float | None:
    """Return the standard deviation of one run around the mean of its point, pooled over points; None if no point has two runs."""
    groups = [np.asarray(group, dtype=np.float64) for group in scores if len(group) > 1]
    if not groups:
        return None
    squares = sum(float(((group - group.mean()) ** 2).sum()) for group in groups)
    return math.sqrt(squares / sum(group.size - 1 for group in groups))


@dataclass(frozen=True)
class _Part:
    """The fit at one combination of scales. The tried points are N."""

    weight: float
    lengths: Floats
    variance: float
    """Of the deviation."""
    constant: float
    constant_variance: float
    gains_N: Floats
    """The mean at a point is the constant plus its correlations with the tried points, times these."""
    inverse_NN: Floats
    """Of the covariance of the scores, times the square of `variance`."""
    ones_N: Floats
    """Row sums of the inverse covariance, times `variance`."""


@dataclass(frozen=True)
class Surface:
    """A fitted score over a space. Scores are shares in [0, 1]."""

    options: tuple[Option, ...]
    tried: tuple[Point, ...]
    noise: float | None
    """Of one run, as given."""
    _tried_ND: Floats
    _parts: tuple[_Part, ...]

    def at(self, points: Sequence[Point]) -> tuple[Floats, Floats]:
        """Return the mean of the fit and its standard error at points, each of shape [points]; the noise of a run is not in it."""
        at_PD = coordinates(self.options, points)
        found = factors(self.options, at_PD, self._tried_ND)
        mean_P, square_P = np.zeros(len(points)), np.zeros(len(points))
        for part in self._parts:
            r_PN = product(found, part.lengths, (len(points), len(self._tried_ND)))
            mean = part.constant + r_PN @ part.gains_N
            left = 1 - r_PN @ part.ones_N
            variance = part.variance - np.einsum("pn,nm,pm->p", r_PN, part.inverse_NN, r_PN)
            variance = np.maximum(variance + left**2 * part.constant_variance, 0)
            mean_P += part.weight * mean
            square_P += part.weight * (variance + mean**2)
        return mean_P, np.sqrt(np.maximum(square_P - mean_P**2, 0))

    def means(self, points: Sequence[Point]) -> Floats:
        """Return the mean of the fit at points, shape [points]."""
        found = factors(self.options, coordinates(self.options, points), self._tried_ND)
        mean_P = np.zeros(len(points))
        for lengths, parts in _by_lengths(self._parts):
            r_PN = product(found, lengths, (len(points), len(self._tried_ND)))
            mean_P += r_PN @ sum((part.weight * part.gains_N for part in parts), np.zeros(r_PN.shape[1]))
        return mean_P + sum(part.weight * part.constant for part in self._parts)

    def draws(self, points: Sequence[Point], count: int, rng: np.random.Generator) -> Floats:
        """Return scores at points of `count` surfaces that the pilot runs leave possible, shape [count, points]."""
        at_PD = coordinates(self.options, points)
        shape = len(points), len(self._tried_ND)
        cross, own = factors(self.options, at_PD, self._tried_ND), factors(self.options, at_PD, at_PD)
        shares = np.cumsum([part.weight for part in self._parts])
        picked = np.searchsorted(shares / shares[-1], (np.arange(count) + rng.random()) / count)
        drawn, index = np.empty((count, shape[0])), 0
        for part, times in zip(self._parts, np.bincount(picked, minlength=len(self._parts)), strict=True):
            if times:
                r_PN, r_PP = (
                    product(cross, part.lengths, shape),
                    product(own, part.lengths, (shape[0], shape[0])),
                )
                mean, covariance = _posterior(part, r_PN, r_PP)
                root = _root(covariance)
                drawn[index : index + times] = mean + rng.standard_normal((times, shape[0])) @ root.T
                index += times
        return drawn

    def average(self, points: Sequence[Point]) -> tuple[float, float]:
        """Return the mean over points of the score, and its standard error."""
        at_PD = coordinates(self.options, points)
        shape = len(points), len(self._tried_ND)
        cross, own = factors(self.options, at_PD, self._tried_ND), factors(self.options, at_PD, at_PD)
        mean = square = 0.0
        for part in self._parts:
            r_PN, r_PP = product(cross, part.lengths, shape), product(own, part.lengths, (shape[0], shape[0]))
            of_part, covariance = _posterior(part, r_PN, r_PP)
            mean += part.weight * float(of_part.mean())
            square += part.weight * (max(float(covariance.mean()), 0.0) + float(of_part.mean()) ** 2)
        return mean, math.sqrt(max(square - mean**2, 0.0))


def fit(
    options: Sequence[Option],
    points: Sequence[Point],
    scores: Sequence[Sequence[float]],
    *,
    noise: float | None,
) -> Surface:
    """Fit the scores of tried points: `scores[i]` are those of point i, one a seed, shares in [0, 1].

    `noise` is the standard deviation of one run (`pooled_noise` over all arms), None if nothing measures it. Raises ValueError
    without points, for a point without scores, and for a score that is not finite.
    """
    if not points or len(points) != len(scores) or not all(len(group) for group in scores):
        raise ValueError("a fit needs at least one point, and a score of each")
    if not all(math.isfinite(score) for group in scores for score in group):
        raise ValueError("a score is not finite")
    runs_N = np.array([len(group) for group in scores], dtype=np.float64)
    score_N = np.array([float(np.mean(group)) for group in scores])
    tried_ND = coordinates(options, points)
    noises = NOISES if noise is None else (max(noise, LEAST_NOISE),)
    parts = _parts(tuple(options), tried_ND, score_N, runs_N, np.array(noises))
    return Surface(tuple(options), tuple(points), noise, tried_ND, parts)


def _parts(
    options: tuple[Option, ...], tried_ND: Floats, score_N: Floats, runs_N: Floats, noise_T: Floats
) -> tuple[_Part, ...]:
    """Return the fit at every combination of scales that matters, with weights that sum to one."""
    n = len(tried_ND)
    lengths_CD = lengths_of(len(options))
    found = factors(options, tried_ND, tried_ND)
    root_N = np.sqrt(runs_N)
    # In these coordinates every score has the noise of one run, so that one eigenbasis serves all sizes of signal and noise
    whitened_CNN = (
        np.array([product(found, lengths, (n, n)) for lengths in lengths_CD]) * root_N[:, None] * root_N
    )
    value_CN, basis_CNN = np.linalg.eigh(whitened_CNN)
    one_CN, score_CN = (
        basis_CNN.transpose(0, 2, 1) @ root_N,
        basis_CNN.transpose(0, 2, 1) @ (root_N * score_N),
    )
    signal_S = np.array(SIGNALS)
    # Axes: combination of lengths, signal, noise, point
    spread = signal_S[:, None, None] ** 2 * np.maximum(value_CN, 0)[:, None, None, :] + noise_T[:, None] ** 2
    one, score = one_CN[:, None, None, :], score_CN[:, None, None, :]
    precision = (one**2 / spread).sum(-1)
    constant = (one * score / spread).sum(-1) / precision
    left = score - constant[..., None] * one
    likelihood = -0.5 * (np.log(spread).sum(-1) + np.log(precision) + (left**2 / spread).sum(-1))
    weight = np.exp(likelihood - likelihood.max())
    weight[weight < NEGLIGIBLE] = 0
    weight /= weight.sum()
    parts = []
    for c, s, t in zip(*np.nonzero(weight), strict=True):
        variance = float(signal_S[s] ** 2)
        out_NN = root_N[:, None] * basis_CNN[c]
        parts.append(
            _Part(
                weight=float(weight[c, s, t]),
                lengths=lengths_CD[c],
                variance=variance,
                constant=float(constant[c, s, t]),
                constant_variance=float(1 / precision[c, s, t]),
                gains_N=variance * out_NN @ (left[c, s, t] / spread[c, s, t]),
                inverse_NN=variance**2 * (out_NN / spread[c, s, t]) @ out_NN.T,
                ones_N=variance * out_NN @ (one_CN[c] / spread[c, s, t]),
            )
        )
    return tuple(parts)


def _by_lengths(parts: Sequence[_Part]) -> list[tuple[Floats, list[_Part]]]:
    groups: dict[bytes, tuple[Floats, list[_Part]]] = {}
    for part in parts:
        groups.setdefault(part.lengths.tobytes(), (part.lengths, []))[1].append(part)
    return list(groups.values())


def _posterior(part: _Part, r_PN: Floats, r_PP: Floats) -> tuple[Floats, Floats]:
    """Return mean and covariance of the scores at points, shapes [points] and [points, points]."""
    left = 1 - r_PN @ part.ones_N
    covariance = part.variance * r_PP - r_PN @ part.inverse_NN @ r_PN.T
    return part.constant + r_PN @ part.gains_N, covariance + part.constant_variance * np.outer(left, left)


def _root(covariance: Floats) -> Floats:
    """Return a lower root of a covariance that rounding may have made slightly indefinite."""
    jitter = 1e-10 * max(float(np.trace(covariance)) / len(covariance), 1e-12)
    for _ in range(12):
        try:
            return np.asarray(np.linalg.cholesky(covariance + jitter * np.eye(len(covariance))))
        except np.linalg.LinAlgError:
            jitter *= 10
    value, vector = np.linalg.eigh(covariance)
    return np.asarray(vector * np.sqrt(np.maximum(value, 0)))
