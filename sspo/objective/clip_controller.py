"""The controller behind bounds.target_clip_frac: keeps an arm's clip fraction at its target while its policy drifts.

Each rollout yields two figures for its matched tokens: the share f that was clipped, and the scale of the bounds that
would have clipped the target share q (objective/critical.py). The log of the scale then moves by

    target_gain * (f - q) / q,   but never past the scale that would have met the target,

and all the way after the first rollout, so the initial clip.low and clip.high soon stop mattering. The proportional
step alone would keep the mean of f exact in the long run, however f drifts. The limit prevents one rollout of extreme
drift from moving the bounds far; its price is a realized mean above the target if f fluctuates by multiples from
rollout to rollout, as it does at targets of one percent (simulated: 1.1 times at 5 %, 1.6 times at 1 %, with a standard
deviation of 0.3 in the log of the level of drift). Reports compare the realized fraction with the target.

Matched tokens are those with A != 0 (solved groups must not tighten bounds) in updates from the second on (in the
first, all ratios are 1).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch

from sspo.config import BoundsConfig, ClipConfig, ObjectiveConfig
from sspo.config.objective_checks import widest_g
from sspo.metrics import MIN_ELIGIBLE
from sspo.objective.critical import scale_at

WIDEST_LOW = 0.99
"""A lower clip distance of 1 would keep ratios above 0, which they always are."""

EDGE = 1e-6


@dataclass(frozen=True, kw_only=True)
class ClipControl:
    """The complete state of the controller; part of a checkpoint."""

    log_scale: float = 0.0
    """Log of the factor on clip.low and clip.high, nats."""
    rollouts: int = 0
    """Rollouts that it has been updated from; 0 leaves bounds as configured."""

    @property
    def scale(self) -> float:
        """Return the factor on clip.low and clip.high."""
        return math.exp(self.log_scale)


def scaled(objective: ObjectiveConfig, scale: float) -> ObjectiveConfig:
    """Return the objective with both clip bounds multiplied by `scale`; the same object if scale is 1."""
    if scale == 1:
        return objective
    clip = ClipConfig(low=objective.clip.low * scale, high=objective.clip.high * scale)
    return replace(objective, clip=clip)


def steer(control: ClipControl, critical_N: torch.Tensor, objective: ObjectiveConfig) -> ClipControl:
    """Return the state after a rollout whose matched tokens have critical scales `critical_N` of the configured bounds.

    The state is unchanged if the rollout has fewer than MIN_ELIGIBLE such tokens, or if no bounds would have clipped
    the target share of them.
    """
    bounds, target = objective.bounds, objective.bounds.target_clip_frac
    if target is None or len(critical_N) < MIN_ELIGIBLE:
        return control
    met_at = scale_at(critical_N, target)
    if met_at is None:
        return control
    clipped = float((critical_N > control.scale).double().mean())
    whole_way = math.log(met_at) - control.log_scale
    step = bounds.target_gain * (clipped - target) / target
    if control.rollouts == 0 or abs(step) > abs(whole_way):
        step = whole_way
    least, most = scale_range(objective.clip, bounds)
    log_scale = min(max(control.log_scale + step, math.log(least)), math.log(most))
    return ClipControl(log_scale=log_scale, rollouts=control.rollouts + 1)


def at_edge(control: ClipControl, objective: ObjectiveConfig) -> bool:
    """Return whether the range of bounds, and not the target, determines the controller's scale."""
    least, most = scale_range(objective.clip, objective.bounds)
    return control.rollouts > 0 and not least * (1 + EDGE) < control.scale < most * (1 - EDGE)


def scale_range(clip: ClipConfig, bounds: BoundsConfig) -> tuple[float, float]:
    """Return the (least, most) scale that keeps clip.low and clip.high inside bounds.target_range, and every token's
    lower bound above 0.
    """
    least, most = bounds.target_range
    widest = 1.0 if bounds.side == "high" else widest_g(bounds)
    return (
        max(least / clip.low, least / clip.high),
        min(min(most, WIDEST_LOW / widest) / clip.low, most / clip.high),
    )
