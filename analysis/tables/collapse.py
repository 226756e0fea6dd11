"""Collapse by level of every factor: counts over all conditions, and an exact test within them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from analysis.evidence.collapse import base_level, collapsed_runs
from analysis.evidence.evidence import Evidence
from analysis.evidence.factors import Grid, grid_of
from analysis.evidence.result_traces import primary_traces
from analysis.inference.rule import rule_of
from analysis.logs.manifest import Arm
from analysis.logs.trace import RECORD, Trace
from analysis.statistics import clopper_pearson, holm, named_rng, permute_pairs
from analysis.text.numbers import p_text
from analysis.text.rounding import rounded
from analysis.text.table import Cell, Row, Table

Flags = Mapping[int, bool]
"""By seed, whether its run collapsed."""


@dataclass(frozen=True)
class CollapseLevel:
    """A level of a factor: its collapsed runs, and pairs with runs of the first level with the same seed and
    other levels.
    """

    factor: str
    name: str
    collapsed: int
    runs: int
    here_S: tuple[int, ...] = ()
    """By seed: collapsed runs of this level in pairs with the factor's first level, and of the first level in
    `first_S`.
    """
    first_S: tuple[int, ...] = ()

    @property
    def p(self) -> float | None:
        """Return the exact p of swapping each seed's two counts. None for the first level, and if the counts
        never differ.
        """
        if self.here_S == self.first_S:
            return None
        rng = named_rng("collapse", self.factor, self.name)
        return permute_pairs(np.asarray(self.here_S), np.asarray(self.first_S), rng).p


def collapse_table(evidence: Evidence) -> Table | None:
    """Return the table; None if the study has no grid or no run of it was counted."""
    grid = grid_of(evidence.study)
    levels = [] if grid is None else collapse_levels(evidence, grid)
    if grid is None or not any(level.runs for level in levels):
        return None
    may_test = rule_of(evidence).alpha is not None
    adjusted = holm([level.p if may_test else None for level in levels])
    whole = _trace(evidence, grid)
    rows = [_row(level, p, whole) for level, p in zip(levels, adjusted, strict=True) if level.runs]
    return Table(
        "collapse",
        ("Collapsed runs by level of every factor, over all levels of the others.",),
        ("level", "collapsed", "share %", PAIRED, "p (Holm)"),
        tuple(rows),
        title="Collapse by factor",
        meanings=MEANINGS,
        qualifiers={"share %": "95 % CI"},
    )


def collapse_levels(evidence: Evidence, grid: Grid) -> list[CollapseLevel]:
    """Return every level of every factor, in the grid's order."""
    floor = base_level(evidence)
    by_arm = {arm.name: collapsed_runs(evidence, arm, floor) for arm in grid.arms}
    found = []
    for i, factor in enumerate(grid.factors):
        first = dict((rest, arm) for arm, rest in grid.with_level(i, grid.levels[i][0]))
        for level in grid.levels[i]:
            here_S, first_S = _paired(grid, i, level, first, by_arm)
            flags = [flag for arm, _ in grid.with_level(i, level) for flag in by_arm[arm.name].values()]
            found.append(CollapseLevel(factor, level, sum(flags), len(flags), here_S, first_S))
    return found


def _paired(
    grid: Grid, factor: int, level: str, first: Mapping[tuple[str, ...], Arm], by_arm: Mapping[str, Flags]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return collapsed runs by seed, at the level and at the first one, under levels of the others that both
    have.
    """
    counts: dict[int, list[int]] = {}
    for arm, rest in grid.with_level(factor, level):
        theirs: Flags = by_arm[first[rest].name] if rest in first else {}
        for seed in by_arm[arm.name].keys() & theirs.keys():
            count = counts.setdefault(seed, [0, 0])
            count[0] += by_arm[arm.name][seed]
            count[1] += theirs[seed]
    found = [counts[seed] for seed in sorted(counts)]
    return tuple(here for here, _ in found), tuple(there for _, there in found)


def _trace(evidence: Evidence, grid: Grid) -> Trace:
    primary = primary_traces(evidence)
    bases = evidence.study.with_role("base")
    found = primary.of(
        [*grid.arms, *bases], "runs that diverged or scored below the base, of those that ended"
    )
    runs = frozenset(run for arm in (*grid.arms, *bases) for run in evidence.counted(arm))
    return replace(found, reads={**found.reads, RECORD: runs})


def _row(level: CollapseLevel, p_holm: float | None, whole: Trace) -> Row:
    share = clopper_pearson(level.collapsed, level.runs)
    low, high = 100 * (share.low or 0.0), 100 * (share.high or 0.0)
    pairs = f"{sum(level.here_S)} / {sum(level.first_S)}" if level.p is not None else "–"
    return Row(
        level.factor,
        (
            Cell(f"{level.factor}: {level.name}", {"factor": level.factor, "level": level.name}),
            Cell(
                f"{level.collapsed}/{level.runs}",
                {"collapsed": level.collapsed, "n": level.runs},
                trace=whole,
            ),
            Cell(
                f"{rounded(100 * share.point, '.0f')} [{rounded(low, '.0f')}, {rounded(high, '.0f')}]",
                {"share": 100 * share.point, "share_low": low, "share_high": high},
                trace=whole,
            ),
            Cell(
                pairs,
                {
                    "paired_here": sum(level.here_S),
                    "paired_first": sum(level.first_S),
                    "p": None if p_holm is None else level.p,
                },
                trace=whole,
            ),
            Cell(p_text(p_holm), {"p_holm": p_holm}, trace=whole if p_holm is not None else None),
        ),
    )


PAIRED = "paired: here / first level"
MEANINGS = {
    "collapsed": "Runs that diverged or scored below the untrained base at the end.",
    "share %": "Share of collapsed runs, with an exact (Clopper-Pearson) interval.",
    PAIRED: "Collapsed runs at this level and at the factor's first, of runs with the same seed and the same levels of the others.",
    "p (Holm)": "Exact permutation test that swaps a seed's two counts, as its conditions are not independent; adjusted by "
    "Holm over all levels, as a family of their own.",
}
