"""What the figures of factorial studies show: scores by level of a factor, and at the crossings of two."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.evidence.collapse import base_level, collapsed
from analysis.evidence.evidence import Evidence
from analysis.evidence.factors import grid_of, level_means
from analysis.logs.manifest import Arm
from analysis.statistics import Interval, t_interval

MOST_PANELS = 6


@dataclass(frozen=True)
class Effect:
    """Final averages in percent by seed (row) and level (column) of a factor, over all levels of the others."""

    factor: str
    table: pd.DataFrame
    intervals: tuple[Interval, ...]
    """Mean over seeds with its 95 % t interval, a level."""


@dataclass(frozen=True)
class Crossing:
    """Where two factors cross: the mean final average in percent of the arm there, None without one, and how many of its
    runs collapsed."""

    mean: float | None = None
    collapsed: int = 0
    runs: int = 0


@dataclass(frozen=True)
class Crossings:
    """The last two factors of a grid crossed, a panel a combination of the others."""

    factors: tuple[str, str]
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    panels: Mapping[tuple[str, ...], Mapping[tuple[str, str], Crossing]]
    limits: tuple[float, float]
    """Lowest and highest mean, in percent."""


def effects(evidence: Evidence) -> list[Effect] | None:
    """An effect a factor; None where the study has no grid, or an arm of it has no score."""
    grid = grid_of(evidence.study)
    if grid is None or any(
        evidence.primary.empty or not evidence.of_arm(evidence.primary, a) for a in grid.arms
    ):
        return None
    found = []
    for i, factor in enumerate(grid.factors):
        table = 100 * level_means(evidence, grid, i, evidence.primary)
        if table.empty:
            return None
        found.append(Effect(factor, table, tuple(t_interval(table[x].tolist()) for x in table.columns)))
    return found


def crossings(evidence: Evidence) -> Crossings | None:
    """None without two factors, without a score, or with more panels than can be read."""
    grid = grid_of(evidence.study)
    if grid is None or len(grid.factors) < 2 or evidence.primary.empty:
        return None
    panels = list(itertools.product(*grid.levels[:-2]))
    floor = base_level(evidence)
    at = {place: _crossing(evidence, arm, floor) for arm, place in grid.places}
    known = [crossing.mean for crossing in at.values() if crossing.mean is not None]
    if len(panels) > MOST_PANELS or not known:
        return None
    rows, columns = grid.levels[-2:]
    return Crossings(
        factors=(grid.factors[-2], grid.factors[-1]),
        rows=rows,
        columns=columns,
        panels={
            panel: {pair: at.get((*panel, *pair), Crossing()) for pair in itertools.product(rows, columns)}
            for panel in panels
        },
        limits=(min(known), max(*known, min(known) + 1e-9)),
    )


def _crossing(evidence: Evidence, arm: Arm, floor: float | None) -> Crossing:
    scores = evidence.of_arm(evidence.primary, arm)
    if not scores:
        return Crossing()
    return Crossing(100 * float(np.mean(list(scores.values()))), *collapsed(evidence, arm, floor))
