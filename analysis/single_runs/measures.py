"""Measures shown of a run, by rollout: the metric, its unit, and its number format."""

from __future__ import annotations

import math
from dataclasses import dataclass

from analysis.figures.model import number
from analysis.text.rounding import rounded

MEAN, LAST = "mean", "last"
"""The mean over a rollout's updates, or the value of its last update."""


@dataclass(frozen=True)
class RunMeasure:
    """A logged metric by rollout. Without a number of decimals it has three significant digits."""

    label: str
    key: str
    over: str = MEAN
    scale: float = 1.0
    decimals: int | None = None
    always: bool = True
    """Whether it has a row even if no run logged it."""
    signed: bool = False
    """Whether it can be negative."""

    def text(self, value: float) -> str:
        """Format a value in its unit; – for none."""
        if not math.isfinite(value) or self.decimals is None:
            return number(self.scale * value)
        return rounded(self.scale * value, f".{self.decimals}f").replace("-", "−")


MEASURES = (
    RunMeasure("training accuracy, %", "rollout/accuracy", scale=100, decimals=1),
    RunMeasure("reward", "reward/mean", decimals=3, signed=True),
    RunMeasure("clipped active tokens, %", "policy/clip_frac_active", scale=100),
    RunMeasure("clipped at last update, %", "policy/clip_frac_active", LAST, scale=100),
    RunMeasure("token entropy, nats", "rollout/entropy_token", decimals=3),
    RunMeasure("segment entropy, nats", "rollout/entropy_segment", decimals=3, always=False),
    RunMeasure("response length, tokens", "rollout/response_tokens", decimals=1),
    RunMeasure("truncated responses, %", "rollout/truncated_frac", scale=100, decimals=1),
    RunMeasure("standard deviation of ratio", "policy/ratio_std"),
    RunMeasure("gradient norm", "optim/grad_norm"),
    RunMeasure("KL to sampling policy, nats", "policy/kl_k3", always=False),
    RunMeasure("KL to base model, nats", "policy/kl_reference", always=False, signed=True),
)
KEYS = tuple(dict.fromkeys(measure.key for measure in MEASURES))
HELD_OUT = RunMeasure("held-out while training, %", "", scale=100, decimals=1)
"""From evaluations: the mean over sets of the share of correct answers at T = 1."""
