"""Length of responses."""

from __future__ import annotations

from analysis.evidence.curve_rows import Curve, rollout_level
from analysis.evidence.evidence import Evidence
from analysis.figures.curves.family import curve_figure, metrics_origin


def rows(evidence: Evidence) -> list[Curve]:
    """Return the length of the sampled training responses."""
    return [Curve("response tokens", rollout_level(evidence, "rollout/response_tokens"), scale=1.0)]


FIGURE = curve_figure(
    "length",
    rows=rows,
    row_height=1.5,
    caption=lambda _: "Length of the sampled training responses",
    origin=metrics_origin("response length by rollout: mean over runs", "rollout/response_tokens"),
)
