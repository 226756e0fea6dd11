"""A family of comparisons under one error rate: Holm's p, the intervals that agree with it, and the arms that could be the best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.statistics.common_spread import careful_welch
from analysis.statistics.comparisons import Comparison, holm, welch
from analysis.statistics.intervals import t_quantile

ALPHA = 0.05
FEWEST_RUNS = 4
"""Runs that an arm needs for a p or a bold: below, the values themselves are more informative than any summary."""


@dataclass(frozen=True)
class Adjusted:
    """One comparison, adjusted for its family."""

    p: float
    """Holm's."""
    low: float
    high: float
    """End of the interval at the level at which Holm's step tests this comparison, or stops before it: the interval excludes zero if
    and only if p is below alpha. No such level is below 1 - alpha, so each interval covers at least as often as an unadjusted one."""
    level: float
    """Level of the interval, such as 0.99."""


def holm_family(found: Sequence[Comparison | None], alpha: float = ALPHA) -> list[Adjusted | None]:
    """Adjust every comparison for the others, in the given order. None stays None, and a comparison without a p gives None."""
    p_values = [None if c is None else c.p for c in found]
    levels, adjusted = holm_levels(p_values, alpha), holm(p_values)
    return [
        _adjusted(c, p, levels[i]) if c is not None and p is not None else None
        for i, (c, p) in enumerate(zip(found, adjusted, strict=True))
    ]


def holm_levels(p_values: Sequence[float | None], alpha: float = ALPHA) -> dict[int, float]:
    """Return, by position, the level at which Holm tests a p, or stops before it; positions with None are left out."""
    tested = sorted((p, i) for i, p in enumerate(p_values) if p is not None)
    levels: dict[int, float] = {}
    step = alpha / max(1, len(tested))
    for rank, (_, i) in enumerate(tested):
        # Holm stops at the first comparison that is not significant: those after it are tested at its level
        if all(before[0] < levels[before[1]] for before in tested[:rank]):
            step = alpha / (len(tested) - rank)
        levels[i] = step
    return levels


def _adjusted(c: Comparison, p: float, level: float) -> Adjusted:
    low, high = interval_at(c, level)
    return Adjusted(p, low, high, 1 - level)


def interval_at(c: Comparison, alpha: float) -> tuple[float, float]:
    """Return the two-sided 1 - alpha interval of a comparison. Raises ValueError if nothing estimates its spread."""
    if c.error is None or c.df is None:
        raise ValueError("a comparison without a spread has no interval")
    half = t_quantile(c.df, 1 - alpha) * c.error
    return c.difference - half, c.difference + half


def could_be_best(
    groups: Sequence[Sequence[float]],
    below: Sequence[bool] | None = None,
    alpha: float = ALPHA,
    *,
    collapses: bool = False,
) -> list[bool]:
    """Return for each group whether its true mean could be the highest.

    A group is out if it is shown to lie below another one, by the study's own comparisons (`below`) or by Welch's t over all
    pairs, adjusted by Holm at half of `alpha`, *and if every group with a lower mean is out as well*. So no group that is in lies
    below one that is out, which only adds groups. With `collapses` (some run collapsed), pairs are compared by
    `careful_welch`. An equally good group is out in fewer than `alpha` of tables (docs/statistics.md:
    simulated). Raises ValueError for a group with fewer than four values, and for fewer than two groups.
    """
    if len(groups) < 2 or min(map(len, groups)) < FEWEST_RUNS:
        raise ValueError(f"needs two groups, and {FEWEST_RUNS} values of each")
    means = [float(np.mean(group)) for group in groups]
    pairs = [(i, j) for i in range(len(groups)) for j in range(i)]
    compared = [careful_welch(groups, i, j) if collapses else welch(groups[i], groups[j]) for i, j in pairs]
    adjusted = holm([c.p for c in compared])
    shown = [pair for pair, p in zip(pairs, adjusted, strict=True) if p is not None and p < alpha / 2]
    out = {min(pair, key=means.__getitem__) for pair in shown}
    out |= {i for i, is_below in enumerate(below or ()) if is_below}
    lowest = min(mean for i, mean in enumerate(means) if i not in out)
    return [mean >= lowest for mean in means]
