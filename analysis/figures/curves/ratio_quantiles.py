"""Percentiles of importance ratios."""

from __future__ import annotations

import numpy as np

from analysis.evidence.curve_rows import Curve, by_rollout
from analysis.evidence.evidence import Evidence
from analysis.figures.curves.family import OVER_UPDATES, curve_figure, metrics_origin
from analysis.figures.curves.panels import arms_of, band, limits, of_arm, off_axis

MEDIAN = "ratio, median"
NAMES = (("ratio, 99 %", "p99"), (MEDIAN, "p50"), ("ratio, 1 %", "p01"))
ALIKE = 0.01
"""The median is left out if no arm's mean is further from 1 than this."""


def rows(evidence: Evidence) -> list[Curve]:
    """Return percentiles of the ratios that the loss used, from the highest to the lowest; the median only if
    it distinguishes arms.
    """
    curves = [
        Curve(label, by_rollout(evidence, f"policy/ratio_{name}"), scale=1.0, robust=True)
        for label, name in NAMES
    ]
    return [curve for curve in curves if curve.label != MEDIAN or not _flat(evidence, curve)]


def _flat(evidence: Evidence, curve: Curve) -> bool:
    means = [
        band(of_arm(evidence, curve, arm), len(evidence.counted(arm)), curve).mean
        for arm in arms_of(evidence, curve)
    ]
    return bool(means) and float(np.nanmax(np.abs(np.concatenate(means) - 1), initial=0.0)) < ALIKE


def caption(evidence: Evidence) -> str:
    """Return which percentiles are shown."""
    median = any(curve.label == MEDIAN for curve in rows(evidence))
    named = "99th percentile, median and 1st percentile" if median else "99th and 1st percentile"
    return f"{named} over tokens of the importance ratio that the loss used"


def notes(evidence: Evidence) -> tuple[str, ...]:
    """Return how updates are pooled, and what is not shown."""
    said = ["Each point is the mean over a rollout's updates."]
    curves = rows(evidence)
    if not any(curve.label == MEDIAN for curve in curves):
        said.append(f"The median stays within {ALIKE:g} of 1 in every arm and is not drawn.")
    if any(off_axis(evidence, c, arms_of(evidence, c), limits(evidence, c)) for c in curves):
        said.append(
            "The arm without clipping leaves the axis, which the other arms set: the arrow gives its furthest mean."
        )
    return tuple(said)


FIGURE = curve_figure(
    "ratio_quantiles",
    rows=rows,
    row_height=1.05,
    caption=caption,
    notes=notes,
    origin=metrics_origin(OVER_UPDATES, "policy/ratio_p99", "policy/ratio_p50", "policy/ratio_p01"),
)
