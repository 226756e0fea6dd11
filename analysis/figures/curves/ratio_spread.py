"""Spread of importance ratios."""

from __future__ import annotations

from analysis.evidence.curve_rows import Curve, by_rollout
from analysis.evidence.evidence import Evidence
from analysis.figures.curves.family import OVER_UPDATES, curve_figure, metrics_origin


def rows(evidence: Evidence) -> list[Curve]:
    """Return the spread of the ratios that the loss used, and of the tokens' own log-ratios, which no
    averaging narrows.
    """
    keys = (("ratio sd %", "policy/ratio_std"), ("token log-ratio sd %", "policy/token_log_ratio_std"))
    return [Curve(label, by_rollout(evidence, key), geometric=True) for label, key in keys]


FIGURE = curve_figure(
    "ratio_spread",
    rows=rows,
    row_height=1.2,
    caption=lambda _: (
        "Standard deviation over tokens of the importance ratio that the loss used, and of the tokens' own log-ratios"
    ),
    notes=lambda _: (
        "Each point is the mean over a rollout's updates. Means and intervals over runs are computed on logarithms (geometric means).",
    ),
    origin=metrics_origin(OVER_UPDATES, "policy/ratio_std", "policy/token_log_ratio_std"),
)
