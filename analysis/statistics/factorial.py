"""Main effects and interactions of a full factorial design, from run-level scores.

An effect is a set of contrasts of cell means: levels minus a factor's first one for the factors that it names, the
unweighted mean over the others. Unequal numbers of runs a cell are handled: these are the 'type III' tests, which ask
the same question as a balanced design does.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from analysis.statistics.intervals import Interval, t_quantile

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Effect:
    """A main effect (one factor) or an interaction (several), with the joint F test of its contrasts."""

    factors: tuple[str, ...]
    contrasts: tuple[tuple[tuple[str, ...], Interval], ...]
    """Levels, one a factor, against the factors' first levels: a difference, or a difference of differences and so on."""
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
) -> list[Effect]:
    """All main effects and interactions, main effects first; a row of `level_NF` says a run's level of every factor.

    Without seeds, runs are independent and cells share a variance (F on the pooled variance within cells). With
    `seed_N`, every cell was run under the same seeds: contrasts are taken within a seed (t for one, Hotelling's T² for
    several), which is exact for any variances. Raises ValueError in a sentence where a cell is empty, nothing estimates
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
        estimate = _independent(score, design)
    else:
        estimate = _within_seeds(score, design, np.asarray(seed_N))
    return [_effect(design, subset, estimate, level) for subset in subsets]


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


@dataclass(frozen=True)
class _Means:
    """Cell means with the covariance of their errors, the error's df, and runs a cell at the fewest."""

    mean_C: Floats
    covariance_CC: Floats
    df: float
    n: int
    within_seeds: bool


def _independent(score: Floats, design: _Design) -> _Means:
    count_C = np.bincount(design.cell_N)
    mean_C = np.bincount(design.cell_N, weights=score) / count_C
    df = score.size - count_C.size
    residual = score - mean_C[design.cell_N]
    _require_spread(df, residual, score, "no cell has two runs")
    variance = float(residual @ residual) / df
    return _Means(mean_C, np.diag(variance / count_C), df, int(count_C.min()), False)


def _within_seeds(score: Floats, design: _Design, seed_N: NDArray[np.int64]) -> _Means:
    seeds = np.unique(seed_N)
    cells = len(design.cells)
    score_SC = np.full((seeds.size, cells), np.nan)
    score_SC[np.searchsorted(seeds, seed_N), design.cell_N] = score
    if score.size != score_SC.size or np.isnan(score_SC).any():
        raise ValueError(
            f"within seeds, each of {cells} cells needs one run of each of {seeds.size} seeds, got {score.size} runs in all"
        )
    centred = score_SC - score_SC.mean(axis=1, keepdims=True)
    _require_spread(seeds.size - 1, centred - centred.mean(axis=0), score, "there is one seed")
    covariance = np.atleast_2d(np.cov(score_SC, rowvar=False)) / seeds.size
    return _Means(score_SC.mean(axis=0), covariance, seeds.size - 1, int(seeds.size), True)


def _require_spread(df: int, residual: Floats, score: Floats, few: str) -> None:
    if df < 1:
        raise ValueError(f"nothing estimates the error: {few}")
    if float(np.abs(residual).max()) <= 1e-12 * float(np.abs(score).max()):
        raise ValueError("nothing estimates the error: runs of a cell are all equal")


def _effect(design: _Design, subset: tuple[int, ...], means: _Means, level: float) -> Effect:
    contrast_KC = np.ones((1, 1))
    for i, levels in enumerate(design.levels):
        n = len(levels)
        rows = np.eye(n)[1:] - np.eye(n)[0] if i in subset else np.full((1, n), 1 / n)
        contrast_KC = np.kron(contrast_KC, rows)
    estimate_K = contrast_KC @ means.mean_C
    covariance_KK = contrast_KC @ means.covariance_CC @ contrast_KC.T
    k = estimate_K.size
    df = means.df - k + 1 if means.within_seeds else means.df
    if df < 1:
        raise ValueError(
            f"an effect of {k} contrasts needs more than {k} seeds to be tested within seeds, got {means.n}"
        )
    f = float(estimate_K @ np.linalg.solve(covariance_KK, estimate_K)) / k
    f *= df / means.df if means.within_seeds else 1.0
    half_K = t_quantile(means.df, level) * np.sqrt(np.diag(covariance_KK))
    names = itertools.product(*(design.levels[i][1:] for i in subset))
    contrasts = tuple(
        (name, Interval(float(e), float(e - h), float(e + h), means.n))
        for name, e, h in zip(names, estimate_K, half_K, strict=True)
    )
    p = float(special.fdtrc(k, df, f)) if math.isfinite(f) else 0.0
    return Effect(tuple(design.factors[i] for i in subset), contrasts, f, (k, df), p)
