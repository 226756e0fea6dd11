"""Reward and accuracy of responses sampled for training."""

from __future__ import annotations

from analysis.evidence.curve_rows import Curve, rollout_level
from analysis.evidence.evidence import Evidence
from analysis.figures.curves.family import curve_figure, metrics_origin


def rows(evidence: Evidence) -> list[Curve]:
    """Return the reward of the sampled training responses, then their accuracy."""
    return [
        Curve("reward", rollout_level(evidence, "reward/mean"), scale=1.0),
        Curve("accuracy %", rollout_level(evidence, "rollout/accuracy")),
    ]


FIGURE = curve_figure(
    "training_reward_accuracy",
    rows=rows,
    row_height=1.2,
    caption=lambda _: "Mean reward and accuracy of sampled training responses",
    origin=metrics_origin(
        "reward and accuracy by rollout: mean over runs", "reward/mean", "rollout/accuracy"
    ),
)
