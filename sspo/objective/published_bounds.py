"""The token-wise clip bounds of two papers: one component of each, not the whole method known by the paper's name."""

from __future__ import annotations

import torch

from sspo.config import ClipConfig
from sspo.objective.entropy_bounds import EntropyStats

WIDEST_RATIO = 10.0
"""DCPO clips every ratio to at most 10 (its code: the larger of 10 and the dual clip's constant)."""
LEAST_ENTROPY = 1e-8
"""HAPO takes logarithms of entropies clamped to at least this many nats (its code)."""


def dcpo_bounds(old_logp_BT: torch.Tensor, clip: ClipConfig) -> tuple[torch.Tensor, torch.Tensor]:
    """Return (low_BT, high_BT) of the dynamic-adaptive clipping of DCPO (arXiv 2509.02333), distances of the ratio from
    1.

    With q, the token's probability when it was sampled,

        1/2 + 1/2 sqrt(max(1 - 4 lo / q, 0))  <=  r  <=  min(1/2 + 1/2 sqrt(1 + 4 hi / q), 10)

    lo = 0.16 and hi = 0.2 are the paper's. The lower bound is 1/2 wherever q <= 4 lo, so rare tokens may at most halve
    and may rise tenfold. The paper's other components (advantages smoothed over steps, its loss scale) are not
    implemented.
    """
    reciprocal_BT = (
        (-old_logp_BT).clamp(max=60.0).exp()
    )  # exp(60) is finite in float32 and far beyond the cap
    least_BT = 0.5 + 0.5 * (1 - 4 * clip.low * reciprocal_BT).clamp(min=0).sqrt()
    most_BT = (0.5 + 0.5 * (1 + 4 * clip.high * reciprocal_BT).sqrt()).clamp(max=WIDEST_RATIO)
    return 1 - least_BT, most_BT - 1


def hapo_multipliers(
    h_BT: torch.Tensor, alpha: float, stats: EntropyStats
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return (factor of lo, factor of hi), each (B, T), of the asymmetric adaptive clipping of HAPO (arXiv 2509.16591).

    A token below the median entropy gets more room to fall, one above it more room to rise:

        lo_t = lo (1 - alpha h_t) where h_t <= 0,     hi_t = hi (1 + alpha h_t) where h_t > 0,     else lo, hi

    h_t is log H minus its median over the rollout, scaled to 1 at the largest and -1 at the smallest. lo = hi = 0.2 and
    alpha = 1 are the paper's. The released code divides by the (negative) smallest value including its sign, so that
    low entropies come out positive and never widen the lower bound; this function follows the formula, not that code.
    Like the paper, it does not divide by a mean. The paper's sampling temperatures, advantages and redistribution are
    not implemented.
    """
    assert stats.sorted_N is not None
    low_high = stats.sorted_N[0], stats.sorted_N[-1]
    least, most = (value.clamp(min=LEAST_ENTROPY).log() for value in low_high)
    middle = stats.sorted_N[round(0.5 * (len(stats.sorted_N) - 1))].clamp(min=LEAST_ENTROPY).log()
    centered_BT = h_BT.clamp(min=LEAST_ENTROPY).log() - middle
    up, down = most - middle, middle - least
    upward_BT = torch.where(up > 0, centered_BT / up.where(up > 0, 1.0), 0.0).clamp(min=0)
    downward_BT = torch.where(down > 0, -centered_BT / down.where(down > 0, 1.0), 0.0).clamp(min=0)
    return 1 + alpha * downward_BT, 1 + alpha * upward_BT
