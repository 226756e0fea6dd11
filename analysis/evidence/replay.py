"""A replay for whoever draws or tabulates it: curves over clip bounds, and shares pooled from counts, never averaged.

Shares are taken over the updates on which rules are matched: from the second of a rollout on, as on the first the
policy is the one that sampled and every ratio is 1.
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
    """One segmentation rule under one objective, over all bounds it was replayed at."""

    objective: str
    rule: str
    """The replay's label of it, unlike that of every other rule there."""
    label: str


class Replay:
    """Counts of a replay with what it says of itself."""

    def __init__(self, folder: Path, first_run: int = 0):
        self.summary, self.counts = read_counts(folder)
        self.first_run = first_run
        """What its first run is numbered in the provenance of a report: they follow the study's own."""
        self.objectives: tuple[str, ...] = tuple(str(name) for name in self.counts["objective"].unique())

    @functools.cached_property
    def curves(self) -> list[ReplayCurve]:
        """Objectives in the order of their names, in each the rules as they were asked for."""
        seen = set(zip(self.counts["objective"], self.counts["rule"], strict=True))
        return [
            ReplayCurve(objective, rule, rule if len(self.objectives) == 1 else f"{objective}, {rule}")
            for objective in self.objectives
            for rule in self.summary.rules
            if (objective, rule) in seen
        ]

    @functools.cached_property
    def matched_updates(self) -> pd.DataFrame:
        """Counts of the updates that shares are taken over."""
        return self.counts[self.counts["update"] >= FIRST_MATCHED_UPDATE]

    def grid(self, curve: ReplayCurve) -> pd.DataFrame:
        """The curve's points of the grid of bounds: a row a run, matched update and point."""
        rows = _of(self.matched_updates, curve)
        return rows[rows["target"].isna()]

    def at(self, match: Match) -> pd.DataFrame:
        """A row a run and matched update, at the bounds of a match."""
        rows = self.at_every_update(match)
        return rows[rows["update"] >= FIRST_MATCHED_UPDATE]

    def at_every_update(self, match: Match) -> pd.DataFrame:
        """A row a run and update, the first too, at the bounds of a match."""
        rows = _of(self.counts, match)
        return rows[rows["target"] == match.target]

    def matches(self, curve: ReplayCurve) -> list[Match]:
        """The curve's matched bounds, targets ascending."""
        own = [m for m in self.summary.matched if (m.objective, m.rule) == (curve.objective, curve.rule)]
        return sorted(own, key=lambda m: m.target)

    def noise(self, match: Match) -> list[float]:
        """Gradient noise of each run where it was measured, at the match's bounds."""
        return [float(v) for v in self.at_every_update(match).groupby("run")[NOISE].mean().dropna()]


def _of(rows: pd.DataFrame, which: ReplayCurve | Match) -> pd.DataFrame:
    return rows[(rows["objective"] == which.objective) & (rows["rule"] == which.rule)]


def pool(rows: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Counts summed over everything but `by`, its index."""
    return rows.groupby(by)[SUMMED].sum()


def total(rows: pd.DataFrame) -> pd.DataFrame:
    """All counts summed, as one row."""
    return rows[SUMMED].sum().to_frame().T


def swept_bound(grid: pd.DataFrame) -> str | None:
    """Which bound names a point of the grid: low where each low has one high, else high; None where neither does.

    None too where points saw different tokens: bounds that a controller moved from rollout to rollout are no grid.
    """
    seen = grid.groupby(BOUNDS)[["tokens", "active_tokens", "advantage_mass"]].sum()
    pairs = seen.index.to_frame()
    if len(pairs) > 1 and len(seen.drop_duplicates()) == 1:
        for name in BOUNDS:
            if pairs[name].is_unique:
                return name
    return None


def lies_on(match: Match, grid: pd.DataFrame) -> bool:
    """Whether the matched bounds are to each other as those of the grid: else its curve says nothing of them."""
    return bool(np.allclose(grid["high"] / grid["low"], match.high / match.low))


def share(counts: pd.DataFrame, name: str) -> pd.Series:
    """A share of FRACTIONS; nan if its whole is 0 or has too few tokens."""
    parts, wholes, least = FRACTIONS[name]
    whole = _sum(counts, wholes)
    return _sum(counts, parts) / whole.where((whole >= least) & (whole > 0))


def _sum(counts: pd.DataFrame, columns: tuple[str, ...]) -> pd.Series:
    first, *others = (counts[column] for column in columns)
    return sum(others, start=first)


def ratio_sd(counts: pd.DataFrame) -> pd.Series:
    """Population standard deviation of the importance ratio over tokens."""
    tokens = counts["tokens"].where(counts["tokens"] > 0)
    mean = counts["ratio_sum"] / tokens
    return np.sqrt((counts["ratio_squares"] / tokens - mean**2).clip(lower=0))
