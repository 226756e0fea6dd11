"""Bounds at which objectives clip equally often, determined from recorded rollouts.

The scale of the bounds that clips a share q of the matched tokens is a quantile of their critical scales
(objective/critical.py). Tokens of a rollout are correlated, and so are rollouts of a run: the unit is the run if
several are pooled, and the rollout within one. The clip fraction at a scale has a standard error over units, and the
interval of the scale covers the fractions q +- t se (Woodruff's interval for a quantile of clustered data).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from sspo.objective.critical import scale_at

LEVEL = 0.95


@dataclass(frozen=True, kw_only=True)
class ClipFraction:
    """A clip fraction over units; se is None for a single unit."""

    value: float
    se: float | None


@dataclass(frozen=True, kw_only=True)
class Matched:
    """The scale that meets a target, its interval over units, and its clip fraction on held-out units."""

    scale: float
    reached: float
    """The share of the tokens of all units that it clips: not the target if tokens of one segment are not separated."""
    low: float | None
    high: float | None
    """None if there is one unit, or the interval extends past every token."""
    held_out: ClipFraction | None
    """Scale of every other unit, fraction on those between; its se includes the errors of both halves. None below four
    units.
    """


def units(critical: Sequence[tuple[int, torch.Tensor]]) -> list[torch.Tensor]:
    """Return critical scales by unit, from (run, those of one of its rollouts); units without matched tokens are
    dropped.
    """
    by_run: dict[int, list[torch.Tensor]] = {}
    for run, critical_N in critical:
        if len(critical_N):
            by_run.setdefault(run, []).append(critical_N)
    groups = list(by_run.values())
    return groups[0] if len(groups) == 1 else [torch.cat(group) for group in groups]


def clip_fraction(critical: Sequence[torch.Tensor], scale: float) -> ClipFraction:
    """Return the share of all tokens that bounds at `scale` clip; one non-empty tensor of critical scales per unit."""
    clipped = torch.tensor([float((c_N > scale).sum()) for c_N in critical], dtype=torch.float64)
    tokens = torch.tensor([float(len(c_N)) for c_N in critical], dtype=torch.float64)
    value, n = float(clipped.sum() / tokens.sum()), len(critical)
    if n < 2:
        return ClipFraction(value=value, se=None)
    residual = clipped - value * tokens
    variance = n / (n - 1) * float((residual * residual).sum()) / float(tokens.sum()) ** 2
    return ClipFraction(value=value, se=math.sqrt(variance))


def match(critical: Sequence[torch.Tensor], target: float) -> Matched | None:
    """Return the scale at which `target` of the tokens of all units are clipped, or None if no scale achieves that."""
    if not critical:
        return None
    pooled_N = torch.cat(list(critical))
    scale = scale_at(pooled_N, target)
    if scale is None:
        return None
    found = clip_fraction(critical, scale)
    se = found.se
    low = high = None
    if se is not None:
        from scipy.special import stdtrit  # slow to import: only commands that match bounds wait for it

        reach = se * float(stdtrit(len(critical) - 1, (1 + LEVEL) / 2))
        low, high = scale_at(pooled_N, target + reach), scale_at(pooled_N, target - reach)
    return Matched(scale=scale, reached=found.value, low=low, high=high, held_out=_held_out(critical, target))


def _held_out(critical: Sequence[torch.Tensor], target: float) -> ClipFraction | None:
    read, kept = critical[::2], critical[1::2]
    scale = scale_at(torch.cat(list(read)), target) if len(kept) > 1 else None
    if scale is None:
        return None
    before, after = clip_fraction(read, scale), clip_fraction(kept, scale)
    return ClipFraction(value=after.value, se=math.hypot(before.se or 0.0, after.se or 0.0))


def most(critical: Sequence[torch.Tensor]) -> float:
    """Return the largest clip fraction that any bounds give: the share of tokens that move towards their clip."""
    return float((torch.cat(list(critical)) > 0).double().mean()) if critical else 0.0
