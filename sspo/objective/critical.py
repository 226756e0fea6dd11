"""The scale of the bounds at which a token stops being clipped: it makes clip fractions comparable across ratio levels.

With bounds s * lo_t and s * hi_t a token is clipped for exactly the s below its critical scale,

    c_t = (r_t - 1) / hi_t   where A > 0,      c_t = (1 - r_t) / lo_t   where A < 0,

so the clip fraction at every s is one minus the distribution function of c, and the s of a given clip fraction is one
of its quantiles: no search, no training. A bound of zero width (bounds that vanish where entropy does) clips at every
scale: its tokens have an infinite critical scale if they move towards their clip at all.
"""

from __future__ import annotations

import math

import torch


def critical_scale(
    log_ratio_BT: torch.Tensor, advantage_BT: torch.Tensor, low_BT: torch.Tensor, high_BT: torch.Tensor
) -> torch.Tensor:
    """Return c_BT, dimensionless; 0 if no bounds clip the token (A = 0, or the ratio moved to the side that is never
    clipped), infinite if all bounds do (a bound of zero width that the ratio is beyond).
    """
    excess_BT = log_ratio_BT.exp() - 1
    upward_BT = advantage_BT > 0
    towards_BT = torch.where(upward_BT, excess_BT, -excess_BT)
    reach_BT = towards_BT / torch.where(upward_BT, high_BT, low_BT)
    return torch.where((advantage_BT != 0) & (towards_BT > 0), reach_BT, 0.0)


def scale_at(critical_N: torch.Tensor, target: float) -> float | None:
    """Return the scale at which a share `target` of the tokens is clipped: the geometric mean of the critical scales of
    the two tokens that it separates, or None if no scale reaches the target.

    `critical_N` holds the critical scales of all eligible tokens. Equal ones (tokens of one segment) are not separated:
    the nearest boundary between segments is used. No scale reaches the target if too few tokens move towards their
    clip, or if all critical scales are equal. Tokens that every scale clips are equal as well, so the scale is finite:
    twice the largest finite critical scale if only those are to be clipped.
    """
    wanted = round(target * len(critical_N))
    falling_N = critical_N.double().sort(descending=True).values
    if not 0 < wanted < len(falling_N) or falling_N[wanted - 1] <= 0:
        return None
    cuts_K = (falling_N[:-1] > falling_N[1:]).nonzero()[:, 0]
    if not len(cuts_K):
        return None
    last_clipped = int(cuts_K[(cuts_K - (wanted - 1)).abs().argmin()])
    clipped, kept = falling_N[last_clipped : last_clipped + 2].tolist()
    if math.isinf(clipped):
        return 2 * kept if kept > 0 else 1.0
    return math.sqrt(clipped * kept) if kept > 0 else clipped / 2


def nearest_share(critical_N: torch.Tensor, target: float) -> float | None:
    """Return the share of tokens that `scale_at` clips for the target: it differs from the target if tokens of one
    segment are not separated. None if no scale reaches the target.
    """
    scale = scale_at(critical_N, target)
    return None if scale is None else float((critical_N > scale).double().mean())
