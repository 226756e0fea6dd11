"""Simulated arms whose true score is known at every point of two options, and their pilot runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

from analysis.statistics.tuning.space import Option, Point
from analysis.statistics.tuning.surface import Surface, fit

Floats = NDArray[np.float64]
Truth = Callable[[Floats, Floats], Floats]
"""True score, a share, at coordinates in [0, 1] of the learning rate and of the scale of the clip bounds."""
NOISE = 0.05
OPTIONS = (
    Option(key="trainer.lr", kind="float", low=1e-4, high=1e-3, log=True),
    Option(key="clip_scale", kind="float", low=0.25, high=4, log=True),
)
EVERYWHERE = np.random.default_rng(0).random((2, 4096))


def hill(lr: Floats, clip: Floats) -> Floats:
    """A smooth maximum."""
    return 0.5 - 0.25 * (lr - 0.55) ** 2 - 0.08 * (clip - 0.45) ** 2


def plateau(lr: Floats, clip: Floats) -> Floats:
    """Flat in the middle, and a collapse at high learning rates."""
    return (
        0.5
        - 0.1 * np.clip((0.3 - lr) / 0.3, 0, 1) ** 2
        - 0.03 * (clip - 0.5) ** 2
        - fall(lr, 0.85, 0.03, 0.4)
    )


def fall(x: Floats, at: float, width: float, depth: float) -> Floats:
    """A cliff."""
    return depth / (1 + np.exp(-(x - at) / width))


def hills(rng: np.random.Generator) -> Truth:
    """A hill of any place, width and pointedness."""
    (a, b), (x, y) = np.exp(rng.uniform(np.log(0.05), np.log(0.6), 2)), rng.uniform(0.1, 0.9, 2)
    power = rng.choice([1.5, 2.0, 3.0])
    return lambda lr, clip: 0.5 - a * np.abs(lr - x) ** power - b * np.abs(clip - y) ** power


def cliffs(rng: np.random.Generator) -> Truth:
    """A saturating rise and a collapse, whose place depends on the other option."""
    rise, scale, at, tilt = (
        rng.uniform(*ends) for ends in ((0.1, 0.25), (0.1, 0.4), (0.5, 1.0), (-0.3, 0.3))
    )
    width, depth = rng.uniform(0.02, 0.06), rng.uniform(0.1, 0.4)
    return lambda lr, clip: (
        0.5 - rise * np.exp(-lr / scale) - fall(lr + tilt * (clip - 0.5), at, width, depth)
    )


def ridges(rng: np.random.Generator) -> Truth:
    """A ridge in any direction: what is best for one option depends on the other."""
    turn, across, along = rng.uniform(0, np.pi), rng.uniform(0.3, 1.0), rng.uniform(0.02, 0.2)
    c, s = np.cos(turn), np.sin(turn)

    def ridge(lr: Floats, clip: Floats) -> Floats:
        x, y = lr - 0.5, clip - 0.5
        return 0.5 - across * (c * x + s * y) ** 2 - along * (c * y - s * x - 0.2) ** 2

    return ridge


def slopes(rng: np.random.Generator) -> Truth:
    """A plane, whose optimum is a corner."""
    a, b = rng.uniform(-0.2, 0.2, 2)
    return lambda lr, clip: 0.5 + a * lr + b * clip


def bumps(rng: np.random.Generator) -> Truth:
    """Three bumps, some too narrow for eight points."""
    centers, heights, widths = rng.random((3, 2)), rng.uniform(0.03, 0.2, 3), rng.uniform(0.12, 0.35, 3)

    def bumpy(lr: Floats, clip: Floats) -> Floats:
        squares = [
            ((lr - x) ** 2 + (clip - y) ** 2) / (2 * w * w) for (x, y), w in zip(centers, widths, strict=True)
        ]
        return 0.3 + sum((h * np.exp(-square) for h, square in zip(heights, squares, strict=True)), 0 * lr)

    return bumpy


def flat(rng: np.random.Generator) -> Truth:
    """Nothing matters."""
    level = rng.uniform(0.2, 0.8)
    return lambda lr, clip: level + 0 * lr


FAMILIES = (hills, cliffs, ridges, slopes, bumps, flat)
"""None of them is what the fit believes before it sees runs."""


@dataclass(frozen=True)
class Pilot:
    """The tried points of an arm and the scores of their seeds, shape [points, seeds]."""

    at: Floats
    points: Sequence[Point]
    scores: Floats

    def fit(self, noise: float | None) -> Surface:
        return fit(OPTIONS, self.points, self.scores.tolist(), noise=noise)

    @property
    def luckiest(self) -> Point:
        return self.points[int(self.scores.mean(axis=1).argmax())]


def sobol(rng: np.random.Generator, points: int) -> Floats:
    """Scrambled Sobol points, shape [points, 2]."""
    return np.asarray(qmc.Sobol(2, rng=rng).random(points))


def pilot(truth: Truth, at: Floats, rng: np.random.Generator, seeds: int = 2) -> Pilot:
    """Run an arm's pilots at coordinates of shape [points, 2]."""
    points = [{option.key: option.value_at(u) for option, u in zip(OPTIONS, row, strict=True)} for row in at]
    scores = truth(*at.T)[:, None] + NOISE * rng.standard_normal((len(at), seeds))
    return Pilot(at, points, scores)


def score(truth: Truth, point: Point) -> float:
    """The true score at a point."""
    lr, clip = (np.asarray(option.coordinate(point[option.key])) for option in OPTIONS)
    return float(truth(lr, clip))


def best(truth: Truth) -> float:
    """The highest true score."""
    return float(truth(*EVERYWHERE).max())
