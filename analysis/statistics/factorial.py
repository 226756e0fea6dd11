"""Main effects and interactions of a full factorial design, from run-level scores.

An effect is a set of contrasts of cell means: each level minus the first level for the factors that it names, the
unweighted mean over the others. Unequal numbers of runs per cell are handled: these are the 'type III' hypotheses, which test
the same question as a balanced design does. Each cell has its own spread.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from analysis.statistics.common_spread import common_spread_test, wider_contrast
from analysis.statistics.contrasts import JointTest, contrast, joint_test
from analysis.statistics.intervals import Interval, no_spread, t_quantile

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Effect:
    """A main effect (one factor) or an interaction (several), with the joint F test of its contrasts."""

    factors: tuple[str, ...]
    contrasts: tuple[tuple[tuple[str, ...], Interval], ...]
    """Levels, one per factor, against the factors' first levels: a difference, or a difference of differences and so on."""
    f: float
    df: tuple[float, float]
    p: float


@dataclass(frozen=True)
class _Design:
    factors: tuple[str, ...]
    levels: tuple[tuple[str, ...], ...]
    """Per factor, in the order in which they first appear."""
    cell_N: NDArray[np.int64]
    """The cell of every run, in row-major order of levels."""

    @property
    def cells(self) -> list[tuple[str, ...]]:
        return list(itertools.product(*self.levels))


def factorial_effects(
    score_N: Sequence[float],
    level_NF: Sequence[Sequence[str]],
    factors: Sequence[str],
    seed_N: Sequence[int] | None = None,
    level: float = 0.95,
    *,
    collapses: bool = False,
) -> list[Effect]:
    """Return all main effects and interactions, main effects first; a row of `level_NF` holds a run's level of every factor.

    Without seeds, runs are independent: Welch's t for one contrast, Johansen's test for several; if some run collapsed
    (`collapses`), that or the test with one spread for all cells, whichever finds less. With
    `seed_N`, every cell was run under the same seeds: contrasts are taken within a seed (t for one, Hotelling's T² for
    several), which is exact for any variances. Raises ValueError with a sentence if a cell is empty, nothing estimates
    the error, or seeds do not match.
    """
    score = np.asarray(score_N, dtype=np.float64)
    design = _design(level_NF, tuple(factors), score.size)
    subsets = [
        subset
        for size in range(1, len(factors) + 1)
        for subset in itertools.combinations(range(len(factors)), size)
    ]
    if seed_N is None:
        groups = _groups(score, design)
        return [_independent(design, subset, groups, level, collapses=collapses) for subset in subsets]
    means = _within_seeds(score, design, np.asarray(seed_N))
    return [_paired(design, subset, means, level) for subset in subsets]


def _design(level_NF: Sequence[Sequence[str]], factors: tuple[str, ...], runs: int) -> _Design:
    if len(level_NF) != runs or any(len(row) != len(factors) for row in level_NF):
        raise ValueError(f"{runs} scores need as many rows of {len(factors)} levels")
    levels = tuple(tuple(dict.fromkeys(row[f] for row in level_NF)) for f in range(len(factors)))
    for factor, found in zip(factors, levels, strict=True):
        if len(found) < 2:
            raise ValueError(f"factor {factor} has {len(found)} level: it needs two to have an effect")
    numbers = {cell: i for i, cell in enumerate(itertools.product(*levels))}
    design = _Design(factors, levels, np.array([numbers[tuple(row)] for row in level_NF]))
    empty = sorted(set(numbers.values()) - set(design.cell_N.tolist()))
    if empty:
        named = ", ".join(f"{f} = {v}" for f, v in zip(factors, design.cells[empty[0]], strict=True))
        raise ValueError(f"a full factorial needs a run in every cell: there is none at {named}")
    return design


def _groups(score: Floats, design: _Design) -> list[Floats]:
    """Return the scores of every cell's runs."""
    groups = [score[design.cell_N == c] for c in range(len(design.cells))]
    if min(g.size for g in groups) < 2:
        raise ValueError("nothing estimates the error: not every cell has two runs")
    if all(no_spread(float(g.std()), g) for g in groups):
        raise ValueError("nothing estimates the error: runs of a cell are all equal")
    return groups


def _independent(
    design: _Design, subset: tuple[int, ...], groups: Sequence[Floats], level: float, *, collapses: bool
) -> Effect:
    row_KC = _contrasts(design, subset)
    joint = joint_test(groups, row_KC)
    if joint is None:
        raise ValueError("nothing estimates the error of an effect: cells of it do not vary")
    common = common_spread_test(groups, row_KC) if collapses else None
    if common is not None and common.p > joint.p:
        joint = common
    estimate = wider_contrast if collapses else contrast
    found = [estimate(groups, row_C, 1 - level) for row_C in row_KC]
    return _named(design, subset, [Interval(c.difference, c.low, c.high, c.n) for c in found], joint)


def _contrasts(design: _Design, subset: tuple[int, ...]) -> Floats:
    """Return an effect as rows of weights of cell means."""
    row_KC = np.ones((1, 1))
    for i, levels in enumerate(design.levels):
        n = len(levels)
        rows = np.eye(n)[1:] - np.eye(n)[0] if i in subset else np.full((1, n), 1 / n)
        row_KC = np.kron(row_KC, rows)
    return row_KC


def _named(
    design: _Design, subset: tuple[int, ...], intervals: Sequence[Interval], joint: JointTest
) -> Effect:
    names = itertools.product(*(design.levels[i][1:] for i in subset))
    factors = tuple(design.factors[i] for i in subset)
    return Effect(factors, tuple(zip(names, intervals, strict=True)), joint.f, joint.df, joint.p)


@dataclass(frozen=True)
class _Means:
    """Cell means over seeds with the covariance of their errors."""

    mean_C: Floats
    covariance_CC: Floats
    seeds: int


def _within_seeds(score: Floats, design: _Design, seed_N: NDArray[np.int64]) -> _Means:
    seeds = np.unique(seed_N)
    cells = len(design.cells)
    score_SC = np.full((seeds.size, cells), np.nan)
    score_SC[np.searchsorted(seeds, seed_N), design.cell_N] = score
    if score.size != score_SC.size or np.isnan(score_SC).any():
        raise ValueError(
            f"within seeds, each of {cells} cells needs one run of each of {seeds.size} seeds, got {score.size} runs in all"
        )
    if seeds.size < 2:
        raise ValueError("nothing estimates the error: there is one seed")
    centered = score_SC - score_SC.mean(axis=1, keepdims=True)
    if no_spread(float(np.abs(centered - centered.mean(axis=0)).max()), score):
        raise ValueError("nothing estimates the error: runs of a cell are all equal")
    covariance = np.atleast_2d(np.cov(score_SC, rowvar=False)) / seeds.size
    return _Means(score_SC.mean(axis=0), covariance, int(seeds.size))


def _paired(design: _Design, subset: tuple[int, ...], means: _Means, level: float) -> Effect:
    row_KC = _contrasts(design, subset)
    estimate_K = row_KC @ means.mean_C
    covariance_KK = row_KC @ means.covariance_CC @ row_KC.T
    k, df = estimate_K.size, means.seeds - 1
    if df - k + 1 < 1:
        raise ValueError(
            f"an effect of {k} contrasts needs more than {k} seeds to be tested within seeds, got {means.seeds}"
        )
    f = float(estimate_K @ np.linalg.solve(covariance_KK, estimate_K)) / k * (df - k + 1) / df
    half_K = t_quantile(df, level) * np.sqrt(np.diag(covariance_KK))
    intervals = [
        Interval(float(e), float(e - h), float(e + h), means.seeds)
        for e, h in zip(estimate_K, half_K, strict=True)
    ]
    p = float(special.fdtrc(k, df - k + 1, f)) if math.isfinite(f) else 0.0
    return _named(design, subset, intervals, JointTest(f, (k, df - k + 1), p))
