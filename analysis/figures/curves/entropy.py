"""Entropy of the sampling policy's tokens."""

from __future__ import annotations

from analysis.evidence.curve_rows import Curve, rollout_level
from analysis.evidence.evidence import Evidence
from analysis.figures.curves.family import curve_figure, metrics_origin


def rows(evidence: Evidence) -> list[Curve]:
    """Return the token entropy of the sampling policy."""
    return [Curve("token entropy (nats)", rollout_level(evidence, "rollout/entropy_token"), scale=1.0)]


FIGURE = curve_figure(
    "entropy",
    rows=rows,
    row_height=1.5,
    caption=lambda _: "Token entropy of the sampling policy",
    origin=metrics_origin("token entropy by rollout: mean over runs", "rollout/entropy_token"),
)
