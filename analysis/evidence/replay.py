"""A replay for figures and tables: curves over clip bounds, and shares pooled from counts, never averaged.

Shares are taken over the updates on which rules are matched: from the second of a rollout on, as on the first the
policy is the sampling policy and every ratio is 1.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.logs.replay_counts import NOISE, read_counts
from analysis.logs.replay_summary import Match
from sspo.metrics.replayed import COUNTS, FRACTIONS, RATIO_SUMS

FIRST_MATCHED_UPDATE = 1
SUMMED = [*COUNTS, *RATIO_SUMS]
BOUNDS = ["low", "high"]


@dataclass(frozen=True)
class ReplayCurve:
    """One segmentation rule under one objective, over all replayed bounds."""

    objective: str
    rule: str
    """The replay's label of it, unique among its rules."""
    label: str


class Replay:
    """Counts of a replay with its summary."""

    def __init__(self, folder: Path, first_run: int = 0):
        self.summary, self.counts = read_counts(folder)
        self.first_run = first_run
        """Number of its first run in the provenance of a report: its runs follow the study's own."""
        self.objectives: tuple[str, ...] = tuple(str(name) for name in self.counts["objective"].unique())

    @functools.cached_property
    def curves(self) -> list[ReplayCurve]:
        """Return curves by objective in the order of names, and within each by rule in the requested order."""
        seen = set(zip(self.counts["objective"], self.counts["rule"], strict=True))
        return [
            ReplayCurve(objective, rule, rule if len(self.objectives) == 1 else f"{objective}, {rule}")
            for objective in self.objectives
            for rule in self.summary.rules
            if (objective, rule) in seen
        ]

    @functools.cached_property
    def matched_updates(self) -> pd.DataFrame:
        """Return the counts of the updates over which shares are taken."""
        return self.counts[self.counts["update"] >= FIRST_MATCHED_UPDATE]

    def grid(self, curve: ReplayCurve) -> pd.DataFrame:
        """Return the curve's points on the grid of bounds: one row per run, matched update and point."""
        rows = _of(self.matched_updates, curve)
        return rows[rows["target"].isna()]

    def at(self, match: Match) -> pd.DataFrame:
        """Return one row per run and matched update, at the bounds of a match."""
        rows = self.at_every_update(match)
        return rows[rows["update"] >= FIRST_MATCHED_UPDATE]

    def at_every_update(self, match: Match) -> pd.DataFrame:
        """Return one row per run and update, including the first, at the bounds of a match."""
        rows = _of(self.counts, match)
        return rows[rows["target"] == match.target]

    def matches(self, curve: ReplayCurve) -> list[Match]:
        """Return the curve's matched bounds, targets ascending."""
        own = [m for m in self.summary.matched if (m.objective, m.rule) == (curve.objective, curve.rule)]
        return sorted(own, key=lambda m: m.target)

    def noise(self, match: Match) -> list[float]:
        """Return the gradient noise of each run for which it was measured, at the match's bounds."""
        return [float(v) for v in self.at_every_update(match).groupby("run")[NOISE].mean().dropna()]


def _of(rows: pd.DataFrame, which: ReplayCurve | Match) -> pd.DataFrame:
    return rows[(rows["objective"] == which.objective) & (rows["rule"] == which.rule)]


def pool(rows: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Sum counts over everything but `by`, the index of the result."""
    return rows.groupby(by)[SUMMED].sum()


def total(rows: pd.DataFrame) -> pd.DataFrame:
    """Sum all counts into one row."""
    return rows[SUMMED].sum().to_frame().T


def swept_bound(grid: pd.DataFrame) -> str | None:
    """Return the bound that identifies a point of the grid: low if each low has one high, else high; None if neither does.

    Also None if points cover different tokens: bounds that a controller moved from rollout to rollout are not a grid.
    """
    seen = grid.groupby(BOUNDS)[["tokens", "active_tokens", "advantage_mass"]].sum()
    pairs = seen.index.to_frame()
    if len(pairs) > 1 and len(seen.drop_duplicates()) == 1:
        for name in BOUNDS:
            if pairs[name].is_unique:
                return name
    return None


def lies_on(match: Match, grid: pd.DataFrame) -> bool:
    """Return whether the matched bounds lie on the line of the grid's bounds: otherwise its curve does not cover them."""
    return bool(np.allclose(grid["high"] / grid["low"], match.high / match.low))


def share(counts: pd.DataFrame, name: str) -> pd.Series:
    """Return a share of FRACTIONS; nan if its whole is 0 or has too few tokens."""
    parts, wholes, least = FRACTIONS[name]
    whole = _sum(counts, wholes)
    return _sum(counts, parts) / whole.where((whole >= least) & (whole > 0))


def _sum(counts: pd.DataFrame, columns: tuple[str, ...]) -> pd.Series:
    first, *others = (counts[column] for column in columns)
    return sum(others, start=first)


def ratio_sd(counts: pd.DataFrame) -> pd.Series:
    """Return the population standard deviation of the importance ratio over tokens."""
    tokens = counts["tokens"].where(counts["tokens"] > 0)
    mean = counts["ratio_sum"] / tokens
    return np.sqrt((counts["ratio_squares"] / tokens - mean**2).clip(lower=0))
