"""Which arms of curves share a panel, and what is shown of them: means, bands and the ends of the axis."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analysis.evidence.curve_rows import Curve
from analysis.evidence.evidence import Evidence
from analysis.logs.manifest import Arm
from analysis.statistics import half_widths

MOST_IN_PANEL = 4
"""Arms per panel, their reference aside."""
FEWEST_FOR_BAND = 5
"""With fewer runs an interval is many times their spread: bands would hide the runs."""


def families(evidence: Evidence) -> list[tuple[str, list[Arm]]]:
    """Panels: a heading and the arms in it. Arms whose runs never started are in none."""
    study, references = evidence.study, evidence.study.references()
    trained = [arm for arm in study.with_role("arm", "no_clip") if evidence.counted(arm)]
    headings = {arm.name: _level(evidence, arm) for arm in trained}
    levels = {headings[arm.name] for arm in trained if arm.role == "arm"}
    only = next(iter(levels)) if len(levels) == 1 else None
    groups: dict[tuple[Arm, str], list[Arm]] = {}
    for arm in trained:
        reference = study.reference_of(arm)
        if reference is not None and arm not in references:
            # where clipped arms have one level, the arm without a clip needs no panel of its own
            groups.setdefault((reference, only or headings[arm.name]), []).append(arm)
    split = []
    for (reference, heading), arms in groups.items():
        size = -(-len(arms) // -(-len(arms) // MOST_IN_PANEL))  # neighbours together: their colours differ
        own = [reference] if evidence.counted(reference) else []
        split += [(heading, own + arms[i : i + size]) for i in range(0, len(arms), size)]
    shown = {arm.name for _, arms in split for arm in arms}
    alone = [arm for arm in references if evidence.counted(arm) and arm.name not in shown]
    return [*split, ("", alone)] if alone or not split else split


def _level(evidence: Evidence, arm: Arm) -> str:
    known = evidence.runs.loc[evidence.counted(arm), "ratio"].dropna()
    return f"{known.iat[0]} ratio" if len(known) else "other arms"


def limits(curve: Curve) -> tuple[float, float]:
    """A row's limits from its runs: a wide band is cut, it must not flatten what was seen."""
    seen = np.append(np.ravel(curve.table), [] if curve.reference is None else [curve.reference])
    low, high = curve.scale * float(np.nanmin(seen)), curve.scale * float(np.nanmax(seen))
    margin = 0.08 * (high - low) or 1.0
    return low - margin, high + margin


def band(y: NDArray[np.float64], runs: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean over runs (columns) and half of its 95 % t interval, a row per rollout.

    Both are nan where fewer than `runs` are left, the half also where `runs` are too few for a band.
    """
    mean, half = np.full(len(y), np.nan), np.full(len(y), np.nan)
    seen = ~np.isnan(y)
    for n in {int(n) for n in seen.sum(axis=1) if n >= max(runs, 1)}:
        rows = np.flatnonzero(seen.sum(axis=1) == n)
        values = y[rows][seen[rows]].reshape(len(rows), n)
        mean[rows] = values.mean(axis=1)
        if runs >= FEWEST_FOR_BAND:
            half[rows] = half_widths(values)
    return mean, half
