"""The arms and rollouts that a figure of curves shows if print cannot show all."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analysis.evidence.curve_rows import Curve
from analysis.evidence.evidence import Evidence
from analysis.figures.curves.panels import MOST_GROUPS, arms_of, families
from analysis.logs.manifest import Arm

MOST_PANELS = 12
"""The most panels of one printed figure."""
MOST_TOGETHER = 4
"""The most arms in one panel, including references."""
MOST_POINTS = 120
"""The most rollouts drawn per curve: more would be a pixel each, and megabytes."""


def few(evidence: Evidence) -> bool:
    """Return whether all arms can be distinguished in one panel."""
    return len({arm.name for _, arms in families(evidence) for arm in arms}) <= MOST_TOGETHER


def banded(evidence: Evidence, curve: Curve) -> bool:
    """Return whether a curve's means have bands: not if so many arms share one panel that bands would hide
    them.
    """
    return not curve.together or few(evidence)


def drawn_arms(evidence: Evidence, curve: Curve) -> list[Arm]:
    """Return the arms with a panel of their own: no clip, then the others in the manifest's order, as many as
    print has panels. A reference is drawn in the panels of its arms.
    """
    study = evidence.study
    wanted = [a for a in arms_of(evidence, curve) if a.name != study.baseline]
    order = {arm.name: i for i, arm in enumerate(study.arms)}
    wanted.sort(key=lambda arm: (arm.role != "no_clip", order[arm.name]))
    return wanted[:MOST_PANELS]


def drawn_groups(evidence: Evidence, curves: int) -> list[tuple[str, list[Arm]]]:
    """Return the groups of arms with a column each, beside `curves` rows."""
    return families(evidence)[: min(MOST_GROUPS, MOST_PANELS // curves)]


def left_out(evidence: Evidence, curves: list[Curve]) -> tuple[str, ...]:
    """Return sentences on what print leaves out; none if everything is drawn."""
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
        said.append(f"The printed figure shows {len(shown)} of {len(everyone)} arms; the page shows all.")
    if any(len(curve.table) > MOST_POINTS for curve in curves):
        said.append(f"Of more than {MOST_POINTS} rollouts, every k-th up to the last is drawn.")
    return tuple(said)


def drawn_rows(rollouts: int) -> NDArray[np.int64]:
    """Return the positions of the drawn rollouts: all, or every k-th up to the last."""
    every = -(-rollouts // MOST_POINTS)
    return np.arange(rollouts)[::-1][:: max(every, 1)][::-1]
