"""What a figure of curves shows where there is more than print can: which arms, and which rollouts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analysis.evidence.curve_rows import Curve
from analysis.evidence.evidence import Evidence
from analysis.figures.curves.panels import MOST_GROUPS, arms_of, families
from analysis.logs.manifest import Arm

MOST_PANELS = 12
"""Of one printed figure."""
MOST_TOGETHER = 4
"""Arms that share one panel, those that others are tested against included."""
MOST_POINTS = 120
"""Rollouts that are drawn of a curve: more would be a pixel each, and megabytes."""


def few(evidence: Evidence) -> bool:
    """Whether all arms can be told apart in one panel."""
    return len({arm.name for _, arms in families(evidence) for arm in arms}) <= MOST_TOGETHER


def banded(evidence: Evidence, curve: Curve) -> bool:
    """Whether its means have bands: not where so many share one panel that these would hide them."""
    return not curve.together or few(evidence)


def drawn_arms(evidence: Evidence, curve: Curve) -> list[Arm]:
    """Arms with a panel of their own: no clip, then the others in the manifest's order, as many as print has panels. What
    others are tested against is in theirs."""
    study = evidence.study
    wanted = [a for a in arms_of(evidence, curve) if a.name != study.baseline]
    order = {arm.name: i for i, arm in enumerate(study.arms)}
    wanted.sort(key=lambda arm: (arm.role != "no_clip", order[arm.name]))
    return wanted[:MOST_PANELS]


def drawn_groups(evidence: Evidence, curves: int) -> list[tuple[str, list[Arm]]]:
    """Groups of arms with a column of their own, beside `curves` rows."""
    return families(evidence)[: min(MOST_GROUPS, MOST_PANELS // curves)]


def left_out(evidence: Evidence, curves: list[Curve]) -> tuple[str, ...]:
    """Sentences on what print leaves out; none where all is drawn."""
    curves = [curve for curve in curves if curve.table.notna().to_numpy().any()]
    everyone = {arm.name for curve in curves for arm in arms_of(evidence, curve)}
    if not curves or few(evidence) or curves[0].together:
        shown = everyone
    elif len(curves) == 1:
        references = {arm.name for arm in evidence.study.references()}
        shown = {arm.name for arm in drawn_arms(evidence, curves[0])} | (everyone & references)
    else:
        shown = {a.name for _, arms in drawn_groups(evidence, len(curves)) for a in arms} & everyone
    said = []
    if len(shown) < len(everyone):
        said.append(f"Print shows {len(shown)} of {len(everyone)} arms; the page has all.")
    if any(len(curve.table) > MOST_POINTS for curve in curves):
        said.append(f"Of more than {MOST_POINTS} rollouts, every k-th up to the last is drawn.")
    return tuple(said)


def drawn_rows(rollouts: int) -> NDArray[np.int64]:
    """Positions of the rollouts that are drawn: all, or every k-th up to the last."""
    every = -(-rollouts // MOST_POINTS)
    return np.arange(rollouts)[::-1][:: max(every, 1)][::-1]
