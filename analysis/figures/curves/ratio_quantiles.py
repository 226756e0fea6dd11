"""Percentiles of importance ratios."""

from __future__ import annotations

from analysis.evidence.curve_rows import Curve, by_rollout
from analysis.evidence.evidence import Evidence
from analysis.figures.curves.family import OVER_UPDATES, curve_figure, metrics_origin


def rows(evidence: Evidence) -> list[Curve]:
    """Percentiles of the ratios that the loss used, from the highest to the lowest."""
    rows = (("ratio, 99 %", "p99"), ("ratio, median", "p50"), ("ratio, 1 %", "p01"))
    return [Curve(label, by_rollout(evidence, f"policy/ratio_{name}"), scale=1.0) for label, name in rows]


FIGURE = curve_figure(
    "ratio_quantiles",
    rows=rows,
    row_height=1.05,
    caption=lambda _: (
        "99th percentile, median and 1st percentile over tokens of the importance ratio that the loss used, mean over a rollout's updates"
    ),
    origin=metrics_origin(OVER_UPDATES, "policy/ratio_p99", "policy/ratio_p50", "policy/ratio_p01"),
)
