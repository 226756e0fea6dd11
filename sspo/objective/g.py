"""g: what clip bounds are multiplied by at a token, as a function of the entropy H that they follow.

    tanh      g = 1 + alpha * tanh((H - mu) / sd)
    linear    g = clip(H / mu, 1 - |alpha|, 1 + |alpha|)        (mirrored about 1 for negative alpha)
    rank      g = 1 + alpha * (2 * midrank - 1)
    shuffled  tanh's, of an H that was dealt out anew (objective/entropy.py): a control without entropy in it

mu and sd are moments, midrank in (0, 1) is the share of smaller values plus half that of equal ones, all over the response
tokens of the rollout. sd = 0 (mu = 0 for linear) gives g = 1. Negative alpha is the reversed control.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

RANKED = ("rank", "hapo")
"""Adaptations that ask for all values of the rollout in order."""


@dataclass(frozen=True, kw_only=True)
class EntropyStats:
    """What g must know of the entropy that bounds follow, over all response tokens of a rollout batch (nats)."""

    mean: torch.Tensor
    sd: torch.Tensor
    sorted_N: torch.Tensor | None = None
    """All values in rising order, where ranks or quantiles are asked for; one zero where there is no token."""


def tanh_g(h_BT: torch.Tensor, stats: EntropyStats, alpha: float) -> torch.Tensor:
    """1 + alpha * tanh((H - mu) / sd)."""
    mean, sd = stats.mean, stats.sd
    z_BT = torch.where(sd > 0, (h_BT - mean) / sd.where(sd > 0, 1.0), 0.0)
    return 1 + alpha * z_BT.tanh()


def linear_g(h_BT: torch.Tensor, stats: EntropyStats, alpha: float) -> torch.Tensor:
    """clip(H / mu, 1 - |alpha|, 1 + |alpha|), mirrored about 1 for negative alpha."""
    mean = stats.mean
    share_BT = torch.where(mean > 0, h_BT / mean.where(mean > 0, 1.0), 1.0)
    g_BT = share_BT.clamp(1 - abs(alpha), 1 + abs(alpha))
    return g_BT if alpha >= 0 else 2 - g_BT


def rank_g(h_BT: torch.Tensor, stats: EntropyStats, alpha: float) -> torch.Tensor:
    """1 + alpha * (2 * midrank - 1): evenly spread whatever the shape of the entropies; its mean is 1 by itself."""
    assert stats.sorted_N is not None
    below_BT = torch.searchsorted(stats.sorted_N, h_BT.contiguous())
    upto_BT = torch.searchsorted(stats.sorted_N, h_BT.contiguous(), right=True)
    midrank_BT = (below_BT + upto_BT).to(h_BT.dtype) / (2 * len(stats.sorted_N))
    return 1 + alpha * (2 * midrank_BT - 1)


G_FUNCTIONS: dict[str, Callable[[torch.Tensor, EntropyStats, float], torch.Tensor]] = {
    "tanh": tanh_g,
    "linear": linear_g,
    "rank": rank_g,
    "shuffled": tanh_g,
}
