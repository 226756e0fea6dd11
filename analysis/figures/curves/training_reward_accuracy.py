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


def caption(evidence: Evidence) -> str:
    """Return what was logged: imported logs may have no accuracy."""
    both = not (evidence.study.imported and rollout_level(evidence, "rollout/accuracy").empty)
    return f"Mean reward{' and accuracy' if both else ''} of sampled training responses"


FIGURE = curve_figure(
    "training_reward_accuracy",
    rows=rows,
    row_height=1.2,
    caption=caption,
    origin=metrics_origin(
        "reward and accuracy by rollout: mean over runs", "reward/mean", "rollout/accuracy"
    ),
)
