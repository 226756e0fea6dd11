"""The controller behind bounds.target_clip_frac: keeps an arm's clip fraction at its target while its policy drifts.

Each rollout yields, for its matched tokens, the share f that was clipped and the scale of the bounds that would have
clipped any other share (objective/critical.py). After the first rollout the scale is the one that would have met the
target q, so the initial clip.low and clip.high soon stop mattering. From then on bounds.target_control determines it:

`proportional`: the log of the scale moves by

    target_gain * (f - q) / q,   but never past the scale that would have met the target.

The proportional step alone would keep the mean of f exact in the long run. The limit prevents one rollout of extreme
drift from moving the bounds far; its price is a realized mean above the target if f fluctuates by multiples from
rollout to rollout, as it does at targets of one percent, and below it if the level of drift falls.

`integral`: the log of the scale is

    mean of log(scale that would have met q)  +  log(scale of a share w / scale of q, both on this rollout),
    w = q - target_gain * owed,   owed = f - q of this rollout + 0.85 times what was owed before it.

The mean is over recent rollouts. What one rollout clipped in excess, the next ones clip less, so the mean of f is about q
as long as `owed` stays small: no limit cuts it off short of MOST_OWED targets. The scale itself cannot run away, because w
stays between LEAST_SHARE and MOST_SHARE targets, and errors at the ends of bounds.target_range are not counted.

Matched tokens are those with A != 0 (solved groups must not tighten bounds) in updates from the second on (in the
first, all ratios are 1).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch

from sspo.config import BoundsConfig, ClipConfig, ObjectiveConfig
from sspo.config.choices import ADAPTATIONS, INTEGRAL
from sspo.config.objective_checks import widest_g
from sspo.metrics import MIN_ELIGIBLE
from sspo.objective.critical import scale_at

WIDEST_LOW = 0.99
"""A lower clip distance of 1 would keep ratios above 0, which they always are."""

EDGE = 1e-6

MEMORY = 0.6
"""Control 'integral': weight of the last rollout in the mean of log scales that would have met the target."""

KEPT = 0.85
"""Control 'integral': share of what is owed that remains after a rollout, so that one transient is not paid back for the
rest of the run; the price is a mean 1 to 2 % below the target.
"""
MOST_OWED = 6.0
LEAST_SHARE, MOST_SHARE = 0.1, 2.0
"""Control 'integral': limits in multiples of the target, of what is owed and of the share that a rollout aims at."""


@dataclass(frozen=True, kw_only=True)
class ClipControl:
    """The complete state of the controller; part of a checkpoint."""

    log_scale: float = 0.0
    """Log of the factor on clip.low and clip.high, nats."""
    rollouts: int = 0
    """Rollouts that it has been updated from; 0 leaves bounds as configured."""
    owed: float = 0.0
    """Control 'integral': what rollouts clipped beyond the target, in multiples of it, which later ones pay back: (f - q) / q of
    each, added to KEPT times what was owed before."""
    log_met: float = 0.0
    """Control 'integral': mean log of the scale that would have met the target, nats."""

    @property
    def scale(self) -> float:
        """Return the factor on clip.low and clip.high."""
        return math.exp(self.log_scale)


def scaled(objective: ObjectiveConfig, scale: float) -> ObjectiveConfig:
    """Return the objective with both clip bounds multiplied by `scale`; the same object if scale is 1."""
    if scale == 1:
        return objective
    clip = replace(objective.clip, low=objective.clip.low * scale, high=objective.clip.high * scale)
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
    if bounds.target_control == INTEGRAL and control.rollouts > 0:
        control = replace(control, owed=_owed(control, critical_N, target, objective))
    if met_at is None:
        return control
    log_met = math.log(met_at)
    if control.rollouts == 0:
        after = replace(control, log_scale=log_met, log_met=log_met)
    elif bounds.target_control == INTEGRAL:
        after = _paid_back(control, critical_N, objective, target, met_at)
    else:
        step = bounds.target_gain * (_clipped(critical_N, control.scale) - target) / target
        whole_way = log_met - control.log_scale
        if abs(step) > abs(whole_way):
            step = whole_way
        after = replace(control, log_scale=control.log_scale + step)
    least, most = scale_range(objective.clip, bounds)
    log_scale = min(max(after.log_scale, math.log(least)), math.log(most))
    return replace(after, log_scale=log_scale, rollouts=control.rollouts + 1)


def _owed(control: ClipControl, critical_N: torch.Tensor, target: float, objective: ObjectiveConfig) -> float:
    """Return the accrued error after a rollout. An error that the range causes is not counted: nothing could pay it back."""
    error = (_clipped(critical_N, control.scale) - target) / target
    least, most = scale_range(objective.clip, objective.bounds)
    if control.scale >= most * (1 - EDGE) if error > 0 else control.scale <= least * (1 + EDGE):
        return control.owed
    return min(max(KEPT * control.owed + error, -MOST_OWED), MOST_OWED)


def _paid_back(
    control: ClipControl, critical_N: torch.Tensor, objective: ObjectiveConfig, target: float, met_at: float
) -> ClipControl:
    """Return the state whose scale pays back a part of what is owed, as far as the rollout's tokens show it."""
    moving = float((critical_N > 0).double().mean())
    share = target * min(max(1 - objective.bounds.target_gain * control.owed, LEAST_SHARE), MOST_SHARE)
    aimed_at = _scale_for(critical_N, min(share, (target + moving) / 2)) or met_at
    log_met = control.log_met + MEMORY * (math.log(met_at) - control.log_met)
    return replace(control, log_scale=log_met + math.log(aimed_at / met_at), log_met=log_met)


def _scale_for(critical_N: torch.Tensor, share: float) -> float | None:
    """Return the scale that clips a share, or one above all tokens if half of the last segment to go is more than that."""
    last = critical_N.max()
    rest_N = critical_N[critical_N < last]
    if share * len(critical_N) >= (len(critical_N) - len(rest_N)) / 2 or not len(rest_N) or last.isinf():
        return scale_at(critical_N, share)
    top, below = float(last), float(rest_N.max())
    return top * math.sqrt(top / below) if below > 0 else 2 * top


def _clipped(critical_N: torch.Tensor, scale: float) -> float:
    return float((critical_N > scale).double().mean())


def at_edge(control: ClipControl, objective: ObjectiveConfig) -> bool:
    """Return whether the range of bounds, and not the target, determines the controller's scale."""
    least, most = scale_range(objective.clip, objective.bounds)
    return control.rollouts > 0 and not least * (1 + EDGE) < control.scale < most * (1 - EDGE)


def scale_range(clip: ClipConfig, bounds: BoundsConfig) -> tuple[float, float]:
    """Return the (least, most) scale that keeps clip.low and clip.high inside bounds.target_range, and every token's
    lower bound above 0. Bounds that are shares of the two, such as those of 'espo', only have to stay inside the range.
    """
    least, most = bounds.target_range
    widest = 1.0 if bounds.side == "high" else widest_g(bounds)
    most_low = most if ADAPTATIONS[bounds.adapt].shares else min(most, WIDEST_LOW / widest)
    return max(least / clip.low, least / clip.high), min(most_low / clip.low, most / clip.high)
