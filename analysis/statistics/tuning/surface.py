"""The score of an arm at any point of its space, from scores of a few tried points: a Gaussian process, averaged over its unknown scales.

The score is a constant, plus what `kernel` expects of any score, plus a smooth deviation (Rasmussen & Williams 2006, sections 2.2 and
2.7). Length scales and the size of the deviation are not estimated, which is unstable with eight points, but averaged over a fixed
grid, each combination weighted by how likely it makes the scores: equal scores give equal fits, and the error of a fit includes what
is not known about the scales.

In names, P are points, N tried points, D options, C combinations of length scales, S sizes of the deviation, T sizes of the noise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.statistics.tuning.kernel import Likeness, dome, lengths_of, own_likeness
from analysis.statistics.tuning.space import Option, Point, coordinates

Floats = NDArray[np.float64]
SIGNALS = (0.005, 0.015, 0.05, 0.15, 0.45)
"""Standard deviations of the score over a space, in shares of one."""
NOISES = (0.005, 0.01, 0.02, 0.04, 0.08)
"""Standard deviations of one run, if nothing measures it."""
LEAST_NOISE = 0.002
"""A known noise below this is taken as this: equal scores do not show that runs never differ."""
WIDER = 1.25
"""Standard errors of the fit are multiplied by this. True scores have no reason to be drawn from what the fit believes: without it,
95 % intervals hold the truth in 88 to 93 % of simulated arms (docs/statistics.md)."""
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
    """The fit at one combination of scales."""

    weight: float
    lengths_D: Floats
    signal: float
    constant: float
    constant_variance: float
    gains_N: Floats
    """The mean at a point is the constant, plus the dome times the signal, plus its likeness to the tried points times these."""
    inverse_NN: Floats
    """Of the covariance of the tried scores, times the fourth power of the signal."""
    ones_N: Floats
    """Row sums of that inverse, divided by the square of the signal."""

    def posterior(self, like_PN: Floats, like_PP: Floats, dome_P: Floats) -> tuple[Floats, Floats]:
        """Return mean and covariance of the scores at points, shapes [points] and [points, points]."""
        left = 1 - like_PN @ self.ones_N
        covariance = self.signal**2 * like_PP - like_PN @ self.inverse_NN @ like_PN.T
        mean = self.constant + self.signal * dome_P + like_PN @ self.gains_N
        return mean, covariance + self.constant_variance * np.outer(left, left)


@dataclass(frozen=True)
class Surface:
    """A fitted score over a space. Scores are shares in [0, 1]; the noise of a run is in none of them."""

    options: tuple[Option, ...]
    tried: tuple[Point, ...]
    tried_ND: Floats
    """Coordinates of the tried points."""
    _parts: tuple[_Part, ...]

    def at(self, points: Sequence[Point]) -> tuple[Floats, Floats]:
        """Return the mean of the fit and its standard error at points, each of shape [points]."""
        return self.at_coordinates(coordinates(self.options, points))

    def means(self, points: Sequence[Point]) -> Floats:
        """Return the mean of the fit at points, shape [points]."""
        return self.at(points)[0]

    def at_coordinates(self, at_PD: Floats) -> tuple[Floats, Floats]:
        """Return the mean of the fit and its standard error at coordinates (`space.coordinates`), each of shape [points]."""
        likeness = Likeness(self.options, at_PD, self.tried_ND)
        own_P, dome_P = own_likeness(self.options, at_PD), dome(self.options, at_PD)
        mean_P, square_P = np.zeros(len(at_PD)), np.zeros(len(at_PD))
        for lengths, parts in _by_lengths(self._parts):
            # Of each part, mean and second moment are linear and quadratic in these, and so are their sums over parts
            features = np.column_stack([np.ones(len(at_PD)), dome_P, likeness.at(lengths)])
            linear, quadratic = np.zeros(features.shape[1]), np.zeros((features.shape[1],) * 2)
            for part in parts:
                of_mean = np.array([part.constant, part.signal, *part.gains_N])
                left = np.array([1.0, 0.0, *-part.ones_N])
                linear += part.weight * of_mean
                quadratic += part.weight * (
                    np.outer(of_mean, of_mean) + part.constant_variance * np.outer(left, left)
                )
                quadratic[2:, 2:] -= part.weight * part.inverse_NN
                square_P += part.weight * part.signal**2 * own_P
            mean_P += features @ linear
            square_P += ((features @ quadratic) * features).sum(axis=1)
        return mean_P, WIDER * np.sqrt(np.maximum(square_P - mean_P**2, 0))

    def draws(self, points: Sequence[Point], count: int, rng: np.random.Generator) -> Floats:
        """Return scores at points of `count` surfaces that the pilot runs leave possible, shape [count, points]."""
        shares = np.cumsum([part.weight for part in self._parts])
        picked = np.searchsorted(shares / shares[-1], (np.arange(count) + rng.random()) / count)
        drawn, index = np.empty((count, len(points))), 0
        between = self._between(points)
        for part, times in zip(self._parts, np.bincount(picked, minlength=len(self._parts)), strict=True):
            if times:
                mean, covariance = between.posterior(part)
                normal = rng.standard_normal((int(times), len(points)))
                drawn[index : index + times] = mean + normal @ _root(covariance).T
                index += times
        return drawn

    def average(self, points: Sequence[Point]) -> tuple[float, float]:
        """Return the mean over points of the score, and its standard error."""
        between = self._between(points)
        mean = square = 0.0
        for part in self._parts:
            of_part, covariance = between.posterior(part)
            mean += part.weight * float(of_part.mean())
            square += part.weight * (max(float(covariance.mean()), 0.0) + float(of_part.mean()) ** 2)
        return mean, WIDER * math.sqrt(max(square - mean**2, 0.0))

    def _between(self, points: Sequence[Point]) -> _Between:
        at_PD = coordinates(self.options, points)
        return _Between(
            Likeness(self.options, at_PD, self.tried_ND),
            Likeness(self.options, at_PD, at_PD),
            dome(self.options, at_PD),
        )


@dataclass(frozen=True)
class _Between:
    """Likeness of points to the tried ones and to each other."""

    cross: Likeness
    own: Likeness
    dome_P: Floats

    def posterior(self, part: _Part) -> tuple[Floats, Floats]:
        return part.posterior(self.cross.at(part.lengths_D), self.own.at(part.lengths_D), self.dome_P)


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
    return Surface(tuple(options), tuple(points), tried_ND, parts)


def _parts(
    options: tuple[Option, ...], tried_ND: Floats, score_N: Floats, runs_N: Floats, noise_T: Floats
) -> tuple[_Part, ...]:
    """Return the fit at every combination of scales that matters, with weights that sum to one."""
    lengths_CD, signal_S, root_N = lengths_of(len(options)), np.array(SIGNALS), np.sqrt(runs_N)
    likeness = Likeness(options, tried_ND, tried_ND)
    # Times the root of its runs, every point's mean has the noise of one run: one eigenbasis serves all signals and noises
    scaled_CNN = np.array([likeness.at(lengths) for lengths in lengths_CD]) * root_N[:, None] * root_N
    value_CN, basis_CNN = np.linalg.eigh(scaled_CNN)
    turned_CNN = basis_CNN.transpose(0, 2, 1) * root_N
    left_SN = score_N - signal_S[:, None] * dome(options, tried_ND)
    one = (turned_CNN @ np.ones(len(score_N)))[:, None, None, :]
    score = np.einsum("cmn,sn->csm", turned_CNN, left_SN)[:, :, None, :]
    spread = signal_S[:, None, None] ** 2 * np.maximum(value_CN, 0)[:, None, None, :] + noise_T[:, None] ** 2
    precision = (one**2 / spread).sum(-1)
    constant = (one * score / spread).sum(-1) / precision
    left = score - constant[..., None] * one
    # With a flat prior of the constant (Rasmussen & Williams 2006, eq. 2.45)
    likelihood = -0.5 * (np.log(spread).sum(-1) + np.log(precision) + (left**2 / spread).sum(-1))
    weight = np.exp(likelihood - likelihood.max())
    weight[weight < NEGLIGIBLE] = 0
    weight /= weight.sum()
    parts = []
    for c, s, t in zip(*np.nonzero(weight), strict=True):
        variance, turned_NN = float(signal_S[s]) ** 2, turned_CNN[c] / spread[c, s, t][:, None]
        parts.append(
            _Part(
                weight=float(weight[c, s, t]),
                lengths_D=lengths_CD[c],
                signal=float(signal_S[s]),
                constant=float(constant[c, s, t]),
                constant_variance=float(1 / precision[c, s, t]),
                gains_N=variance * left[c, s, t] @ turned_NN,
                inverse_NN=variance**2 * turned_CNN[c].T @ turned_NN,
                ones_N=variance * one[c, 0, 0] @ turned_NN,
            )
        )
    return tuple(parts)


def _by_lengths(parts: Sequence[_Part]) -> list[tuple[Floats, list[_Part]]]:
    groups: dict[bytes, tuple[Floats, list[_Part]]] = {}
    for part in parts:
        groups.setdefault(part.lengths_D.tobytes(), (part.lengths_D, []))[1].append(part)
    return list(groups.values())


def _root(covariance: Floats) -> Floats:
    """Return a root of a covariance that rounding may have made slightly indefinite."""
    size = max(float(np.trace(covariance)) / len(covariance), 1e-12)
    for jitter in (1e-10, 1e-8, 1e-6):
        try:
            return np.asarray(np.linalg.cholesky(covariance + jitter * size * np.eye(len(covariance))))
        except np.linalg.LinAlgError:
            continue
    value, vector = np.linalg.eigh(covariance)
    return np.asarray(vector * np.sqrt(np.maximum(value, 0)))
