"""The grid of a factorial study: arms by the level of every factor of the design, as the manifest lists them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from analysis.evidence.evidence import Evidence
from analysis.logs.manifest import Arm, Factor, Study

TIMES = " × "


@dataclass(frozen=True)
class Grid:
    """Factors with two or more levels, by their labels, and the arms at their crossings. A crossing may have no arm."""

    factors: tuple[str, ...]
    levels: tuple[tuple[str, ...], ...]
    """Levels per factor, in the study's order."""
    places: tuple[tuple[Arm, tuple[str, ...]], ...]
    """Every arm with its level of every factor."""

    @property
    def arms(self) -> list[Arm]:
        """Return the arms in the study's order."""
        return [arm for arm, _ in self.places]

    def at(self, place: tuple[str, ...]) -> Arm | None:
        """Return the arm at a crossing."""
        return next((arm for arm, mine in self.places if mine == place), None)

    @property
    def full(self) -> bool:
        """Return whether every crossing has an arm."""
        return all(self.at(place) is not None for place in itertools.product(*self.levels))

    def with_level(self, factor: int, level: str) -> Iterator[tuple[Arm, tuple[str, ...]]]:
        """Yield the arms at a level of a factor, each with its levels of the others."""
        for arm, place in self.places:
            if place[factor] == level:
                yield arm, place[:factor] + place[factor + 1 :]


def grid_of(study: Study) -> Grid | None:
    """Return the study's grid; None if no factor has two levels among its arms, or if two arms are at one crossing."""
    arms = [arm for arm in study.with_role("arm") if arm.factors]
    varied = [
        factor for factor in study.factors if len({dict(arm.factors).get(factor.name) for arm in arms}) > 1
    ]
    placed = [arm for arm in arms if all(factor.name in dict(arm.factors) for factor in varied)]
    places = [tuple(_label(factor, arm) for factor in varied) for arm in placed]
    if not varied or len(set(places)) < len(places):
        return None
    levels = [
        tuple(label for _, label in factor.levels if label in {place[i] for place in places})
        for i, factor in enumerate(varied)
    ]
    names = tuple(factor.label for factor in varied)
    return Grid(names, tuple(levels), tuple(zip(placed, places, strict=True)))


def _label(factor: Factor, arm: Arm) -> str:
    level = dict(arm.factors)[factor.name]
    return dict(factor.levels).get(level, level)


def level_means(evidence: Evidence, grid: Grid, factor: int, table: pd.DataFrame) -> pd.DataFrame:
    """Return the mean score per seed (row) and level of a factor (column) over the other factors, for seeds that every arm has."""
    scores = {arm.name: evidence.of_arm(table, arm) for arm in grid.arms}
    seeds = sorted(set.intersection(*(set(of_seed) for of_seed in scores.values())))
    columns = {
        level: [
            sum(scores[arm.name][seed] for arm, _ in grid.with_level(factor, level))
            / sum(1 for _ in grid.with_level(factor, level))
            for seed in seeds
        ]
        for level in grid.levels[factor]
    }
    return pd.DataFrame(columns, index=pd.Index(seeds, name="seed"), dtype="float64")
