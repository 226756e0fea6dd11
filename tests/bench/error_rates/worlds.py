"""Simulated worlds in which no arm differs from another in its true mean. Letters: S studies, A arms, R runs (seeds) an arm.

A run is a function of two normal numbers, one for its score and one for whether it collapses. With shared seeds, half of the variance
of either is the seed's. The unit is the standard deviation of a healthy run of the baseline.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]
ARMS = 6
"""A baseline and five arms against it."""
SEED_SHARE = 0.5
DROP, COLLAPSED_SPREAD = 11.0, 0.25
"""A run that collapses ends 11 sd lower, near one value: from 60 % to 15 % where seeds vary by 4 points."""
FALLEN = -DROP / 2
"""A run below has collapsed."""
SKEW_SIGMA = 0.7
"""Of a lognormal score: skewness 2.9."""
EQUAL, UNEQUAL = (1.0,) * ARMS, (1.0, 0.5, 1.0, 2.0, 3.0, 1.0)
NEVER, FIFTH = (0.0,) * ARMS, (0.2,) * ARMS
SOME_MORE, NOT_THE_BASELINE, RARELY = (
    (0.2, 0.0, 0.1, 0.3, 0.4, 0.2),
    (0.0, 0.2, 0.1, 0.3, 0.4, 0.2),
    (0.05, 0.0, 0.05, 0.1, 0.1, 0.0),
)
SETS, QUESTIONS = (0.2, 0.35, 0.5, 0.65, 0.8), 64
RUN_SD, SET_SD = 0.06, 0.012
"""Of a run's ability and of what it adds on one set: two sets' scores then correlate by 0.53."""


@dataclass(frozen=True)
class World:
    """How the runs of six arms with equal means are distributed."""

    name: str
    spreads: tuple[float, ...] = EQUAL
    collapses: tuple[float, ...] = NEVER
    kind: str = "normal"
    """Of healthy runs: normal, skewed, or answers (right or wrong, over five sets)."""

    @property
    def sd(self) -> float:
        """Of a run of arm 2, whose healthy runs have spread 1 in every world; effects are counted in it."""
        if self.kind == "answers":
            return math.sqrt(_answer_variance())
        share = self.collapses[2]
        healthy, fallen = 1.0, COLLAPSED_SPREAD**2
        return math.sqrt((1 - share) * healthy + share * fallen + share * (1 - share) * DROP**2)

    def draw(self, rng: np.random.Generator, studies: int, runs: int, shared: bool) -> Floats:
        """arm_SAR; every arm has the true mean 0."""
        if self.kind == "answers":
            return _answers(rng, studies, runs, shared)
        z = latent(rng, studies, ARMS, runs, shared)
        if self.kind == "skewed":
            z = skewed(z)
        value = z * np.array(self.spreads)[:, None]
        if not any(self.collapses):
            return value
        return collapse(value, latent(rng, studies, ARMS, runs, shared), np.array(self.collapses)[:, None])

    @property
    def centers(self) -> Floats:
        """What a healthy run of each arm scores on average: as much above 0 as collapses cost the arm."""
        return DROP * np.array(self.collapses)


def latent(rng: np.random.Generator, studies: int, arms: int, runs: int, shared: bool) -> Floats:
    """Standard normal numbers (S, A, R); two arms at one seed correlate where seeds are shared."""
    own = rng.standard_normal((studies, arms, runs))
    if not shared:
        return own
    return math.sqrt(SEED_SHARE) * rng.standard_normal((studies, 1, runs)) + math.sqrt(1 - SEED_SHARE) * own


def skewed(z: Floats) -> Floats:
    """Lognormal, of mean 0 and variance 1: a long tail upwards."""
    grown = math.exp(SKEW_SIGMA**2)
    return np.asarray((np.exp(SKEW_SIGMA * z) - math.sqrt(grown)) / math.sqrt(grown * (grown - 1)))


def collapse(value: Floats, luck: Floats, share: Floats) -> Floats:
    """The same with `share` of the runs fallen, and the mean brought back to 0."""
    fallen = luck < special.ndtri(share)
    return np.where(fallen, -DROP + COLLAPSED_SPREAD * value, value) + DROP * share


def has_collapses(world: World, arm_SAR: Floats) -> NDArray[np.bool_]:
    """Studies in which some run collapsed."""
    if not any(world.collapses):
        return np.zeros(len(arm_SAR), dtype=bool)
    return np.asarray((arm_SAR - world.centers[:, None] < FALLEN).any(axis=(1, 2)))


def set_scores(rng: np.random.Generator, studies: int, runs: int, shared: bool) -> Floats:
    """Shares of right answers, (S, A, R, sets)."""
    ability = RUN_SD * latent(rng, studies, ARMS, runs, shared)[..., None]
    chance = np.array(SETS) + ability + SET_SD * rng.standard_normal((studies, ARMS, runs, len(SETS)))
    return np.asarray(rng.binomial(QUESTIONS, np.clip(chance, 0, 1)) / QUESTIONS)


def _answers(rng: np.random.Generator, studies: int, runs: int, shared: bool) -> Floats:
    return set_scores(rng, studies, runs, shared).mean(axis=-1) - sum(SETS) / len(SETS)


def _answer_variance() -> float:
    sampling = sum(p * (1 - p) - RUN_SD**2 - SET_SD**2 for p in SETS) / len(SETS) / QUESTIONS
    return RUN_SD**2 + (SET_SD**2 + sampling) / len(SETS)


WORLDS = (
    World("equal spreads"),
    World("unequal spreads", UNEQUAL),
    World("skewed", kind="skewed"),
    World("skewed, unequal spreads", UNEQUAL, kind="skewed"),
    World("right and wrong answers", kind="answers"),
    World("a fifth collapses", collapses=FIFTH),
    World("a fifth collapses, unequal spreads", UNEQUAL, FIFTH),
    World("some arms collapse more often", collapses=SOME_MORE),
    World("all collapse but the baseline", collapses=NOT_THE_BASELINE),
    World("some arms collapse, rarely", collapses=RARELY),
)
"""Where arms collapse unequally, those that do are as much better while they are healthy: their true means are equal."""
