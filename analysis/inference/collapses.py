"""The number of collapsed runs of every arm, tested against its reference: a family of its own."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass

from analysis.evidence.collapse import base_level, collapsed
from analysis.evidence.evidence import Evidence
from analysis.inference.rule import rule_of
from analysis.logs.manifest import Arm
from analysis.statistics import fisher_p, holm
from analysis.statistics.families import FEWEST_RUNS


@dataclass(frozen=True)
class Collapses:
    """Collapsed runs by arm, and the tests on them."""

    floor: float | None
    """Score of the untrained base, below which a run counts as collapsed; None if only divergence counts."""
    arms: tuple[Arm, ...]
    """Arms with a run that ended."""
    counts: Mapping[str, tuple[int, int]]
    """Collapsed runs and ended runs of the arm's cell."""
    tested: tuple[Arm, ...]
    p_holm: Mapping[str, float]
    """p of Fisher's exact test against the arm's reference, adjusted over the tested arms."""


@functools.lru_cache(maxsize=8)
def collapses(evidence: Evidence) -> Collapses | None:
    """Count and test collapsed runs. Return None if no run ended, or if imported logs cannot show a collapse."""
    arms = tuple(a for a in evidence.study.with_role("arm", "no_clip", "aa") if evidence.counted(a))
    floor = base_level(evidence)
    if not arms or (evidence.study.imported and floor is None):
        return None
    counts = {arm.name: collapsed(evidence, arm, floor) for arm in arms}
    references = {a.name: r.name for a in arms if (r := evidence.study.reference_of(a)) and r.name in counts}
    tested = tuple(
        a
        for a in arms
        if a.competes and a.name in references and rule_of(evidence).alpha is not None
        if min(counts[a.name][1], counts[references[a.name]][1]) >= FEWEST_RUNS
    )
    raw = [fisher_p(*counts[a.name], *counts[references[a.name]]) for a in tested]
    p_holm = {a.name: p for a, p in zip(tested, holm(raw), strict=True) if p is not None}
    return Collapses(floor, arms, counts, tested, p_holm)
