"""Clip bounds that follow entropy (the reading of arXiv 2511.04256, claim: wide where entropy is high, tight where low).

    lo_t = lo * g_t,  hi_t = hi * g_t
    tanh     g = 1 + alpha * tanh((H - mu) / sd)
    linear   g = clip(H / mu, 1 - |alpha|, 1 + |alpha|)        (mirrored about 1 for negative alpha)

H is the sampling policy's entropy at the token or its mean over the segment (nats); mu and sd are its moments over all
response tokens of the rollout. g is divided by its token-weighted mean, so adapting moves bounds between tokens and
does not widen them on average. sd = 0 (mu = 0 for linear) gives g = 1; alpha = 0 is a fixed clip, exactly.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from sspo.config import BoundsConfig, ClipConfig
from sspo.objective.ratio import segment_mean
from sspo.types import EntropyStats


def tanh_g(h_BT: torch.Tensor, mean: torch.Tensor, sd: torch.Tensor, alpha: float) -> torch.Tensor:
    """1 + alpha * tanh((H - mu) / sd)."""
    z_BT = torch.where(sd > 0, (h_BT - mean) / sd.where(sd > 0, 1.0), 0.0)
    return 1 + alpha * z_BT.tanh()


def linear_g(h_BT: torch.Tensor, mean: torch.Tensor, sd: torch.Tensor, alpha: float) -> torch.Tensor:
    """clip(H / mu, 1 - |alpha|, 1 + |alpha|), mirrored about 1 for negative alpha."""
    del sd
    share_BT = torch.where(mean > 0, h_BT / mean.where(mean > 0, 1.0), 1.0)
    g_BT = share_BT.clamp(1 - abs(alpha), 1 + abs(alpha))
    return g_BT if alpha >= 0 else 2 - g_BT


G_FUNCTIONS: dict[str, Callable[[torch.Tensor, torch.Tensor, torch.Tensor, float], torch.Tensor]] = {
    "tanh": tanh_g,
    "linear": linear_g,
}


def adapting_entropy(
    entropy_BT: torch.Tensor, segment_id_BT: torch.Tensor, mask_BT: torch.Tensor, level: str
) -> torch.Tensor:
    """H_BT at the configured level: the token's own entropy, or its segment's mean."""
    return entropy_BT if level == "token" else segment_mean(entropy_BT, segment_id_BT, mask_BT)


def entropy_stats(
    entropy_BT: torch.Tensor, segment_id_BT: torch.Tensor, mask_BT: torch.Tensor, bounds: BoundsConfig
) -> EntropyStats | None:
    """Moments over a whole rollout batch; None where bounds do not adapt."""
    if bounds.adapt == "none":
        return None
    h_BT = adapting_entropy(entropy_BT, segment_id_BT, mask_BT, bounds.entropy_level)
    count = mask_BT.sum().clamp(min=1)
    mean = torch.where(mask_BT, h_BT, 0.0).sum() / count
    sd = (torch.where(mask_BT, (h_BT - mean) ** 2, 0.0).sum() / count).sqrt()
    g_BT = G_FUNCTIONS[bounds.adapt](h_BT, mean, sd, bounds.alpha)
    return EntropyStats(mean=mean, sd=sd, g_mean=torch.where(mask_BT, g_BT, 0.0).sum() / count)


def clip_bounds(
    entropy_BT: torch.Tensor,
    segment_id_BT: torch.Tensor,
    mask_BT: torch.Tensor,
    clip: ClipConfig,
    bounds: BoundsConfig,
    stats: EntropyStats | None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """(low_BT, high_BT): the ratio is held inside [1 - low, 1 + high]."""
    if bounds.adapt == "none" or stats is None:
        g_BT = torch.ones_like(entropy_BT)
    else:
        h_BT = adapting_entropy(entropy_BT, segment_id_BT, mask_BT, bounds.entropy_level)
        g_BT = G_FUNCTIONS[bounds.adapt](h_BT, stats.mean, stats.sd, bounds.alpha) / stats.g_mean
    one_BT = torch.ones_like(g_BT)
    low_BT = clip.low * (one_BT if bounds.side == "high" else g_BT)
    high_BT = clip.high * (one_BT if bounds.side == "low" else g_BT)
    return low_BT, high_BT
