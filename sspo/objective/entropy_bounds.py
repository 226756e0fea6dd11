"""Bounds that follow entropy: the entropy H of each token, its statistics over a rollout, and g, the factor on the
bounds.

    tanh      g = 1 + alpha * tanh((H - mu) / sd)
    linear    g = clip(H / mu, 1 - |alpha|, 1 + |alpha|)        (mirrored about 1 for negative alpha)
    rank      g = 1 + alpha * (2 * midrank - 1)
    shuffled  tanh's, of a permuted H: a control in which bounds carry no information about entropy
    sqrt      g = (H + 0.01)^alpha                                       (alpha = 0.5: arXiv 2607.22186)

mu and sd are moments; midrank in (0, 1) is the share of smaller values plus half that of equal ones, all over the
response tokens of the rollout. sd = 0 (mu = 0 for linear) gives g = 1. Negative alpha is the reversed control. The g of
'sqrt' has no upper bound: where lo * g exceeds 1, a token has no lower bound.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from sspo.config import BoundsConfig
from sspo.config.choices import ADAPTATIONS
from sspo.objective.ratio import mean_of_segment, partition, segments_of

LEAST_SCALE = 0.01
"""The entropy (nats) that 'sqrt' adds, so that certain tokens keep a bound: the constant of arXiv 2607.22186."""
RANKED = ("rank", "hapo")
"""Adaptations that need all values of the rollout in order."""


@dataclass(frozen=True, kw_only=True)
class EntropyStats:
    """Statistics of the entropy that bounds follow, over all response tokens of a rollout batch (nats)."""

    mean: torch.Tensor
    sd: torch.Tensor
    sorted_N: torch.Tensor | None = None
    """All values in ascending order, if ranks or quantiles are needed; a single zero if there are no tokens."""


def adapting_entropy(
    entropy_BT: torch.Tensor,
    segment_id_BT: torch.Tensor,
    mask_BT: torch.Tensor,
    bounds: BoundsConfig,
    generator: torch.Generator | None = None,
) -> torch.Tensor:
    """Return H_BT (nats) at the configured level: the token's own entropy, or the mean of its segment or response.

    Bounds that do not follow entropy get entropy_BT unchanged.

    Adaptation 'shuffled' redistributes the values of the whole rollout among its tokens, segments or responses by a
    permutation from `generator`: the same bounds, at positions unrelated to entropy. Raises ValueError without one.
    """
    if not ADAPTATIONS[bounds.adapt].entropy:
        return entropy_BT
    level_id_BT = partition(bounds.entropy_level, segment_id_BT, mask_BT)
    h_BT = (
        entropy_BT if bounds.entropy_level == "token" else mean_of_segment(entropy_BT, level_id_BT, mask_BT)
    )
    if bounds.adapt != "shuffled":
        return h_BT
    if generator is None:
        raise ValueError(
            "shuffled bounds require a generator for the rollout's permutation: see sspo/objective/context.py"
        )
    return _shuffled(h_BT, level_id_BT, mask_BT, generator)


def _shuffled(
    h_BT: torch.Tensor, level_id_BT: torch.Tensor, mask_BT: torch.Tensor, generator: torch.Generator
) -> torch.Tensor:
    """Return h_BT with its values permuted over units (row, id); drawn on the CPU, so that devices agree."""
    units_B = segments_of(level_id_BT)
    unit_BT = (level_id_BT + (units_B.cumsum(0) - units_B)[:, None]).clamp(min=0)
    value_U = torch.zeros(int(units_B.sum()), dtype=h_BT.dtype, device=h_BT.device)
    value_U[unit_BT[mask_BT]] = h_BT[mask_BT]
    order_U = torch.randperm(len(value_U), generator=generator).to(h_BT.device)
    dealt_BT = torch.zeros_like(h_BT)
    dealt_BT[mask_BT] = value_U[order_U][unit_BT[mask_BT]]
    return dealt_BT


def entropy_stats(h_BT: torch.Tensor, mask_BT: torch.Tensor, bounds: BoundsConfig) -> EntropyStats:
    """Return the statistics of `h_BT` (nats) over all response tokens of a rollout batch."""
    count = mask_BT.sum().clamp(min=1)
    mean = torch.where(mask_BT, h_BT, 0.0).sum() / count
    sd = (torch.where(mask_BT, (h_BT - mean) ** 2, 0.0).sum() / count).sqrt()
    sorted_N = _sorted(h_BT, mask_BT) if bounds.adapt in RANKED else None
    return EntropyStats(mean=mean, sd=sd, sorted_N=sorted_N)


def _sorted(h_BT: torch.Tensor, mask_BT: torch.Tensor) -> torch.Tensor:
    values_N = h_BT[mask_BT].sort().values
    return values_N if len(values_N) else h_BT.new_zeros(1)


def tanh_g(h_BT: torch.Tensor, stats: EntropyStats, alpha: float) -> torch.Tensor:
    """Return 1 + alpha * tanh((H - mu) / sd), (B, T)."""
    mean, sd = stats.mean, stats.sd
    z_BT = torch.where(sd > 0, (h_BT - mean) / sd.where(sd > 0, 1.0), 0.0)
    return 1 + alpha * z_BT.tanh()


def linear_g(h_BT: torch.Tensor, stats: EntropyStats, alpha: float) -> torch.Tensor:
    """Return clip(H / mu, 1 - |alpha|, 1 + |alpha|), (B, T), mirrored about 1 for negative alpha."""
    mean = stats.mean
    share_BT = torch.where(mean > 0, h_BT / mean.where(mean > 0, 1.0), 1.0)
    g_BT = share_BT.clamp(1 - abs(alpha), 1 + abs(alpha))
    return g_BT if alpha >= 0 else 2 - g_BT


def rank_g(h_BT: torch.Tensor, stats: EntropyStats, alpha: float) -> torch.Tensor:
    """Return 1 + alpha * (2 * midrank - 1), (B, T): evenly spread whatever the distribution of the entropies; its mean
    is 1 by construction.
    """
    assert stats.sorted_N is not None
    below_BT = torch.searchsorted(stats.sorted_N, h_BT.contiguous())
    upto_BT = torch.searchsorted(stats.sorted_N, h_BT.contiguous(), right=True)
    midrank_BT = (below_BT + upto_BT).to(h_BT.dtype) / (2 * len(stats.sorted_N))
    return 1 + alpha * (2 * midrank_BT - 1)


def sqrt_g(h_BT: torch.Tensor, stats: EntropyStats, alpha: float) -> torch.Tensor:
    """Return (H + 0.01)^alpha, (B, T): the scale of a log-ratio whose square grows like H^(2 alpha) (ESTR, arXiv
    2607.22186, which derives E[d^2] proportional to H and so alpha = 0.5).

    The paper masks |d| above sqrt(tau (H + 0.01)) and clips with PPO's bounds too; this is the shape of its region alone,
    as a distance of the ratio from 1, with the mean width of a fixed clip.
    """
    del stats
    return (h_BT.clamp(min=0) + LEAST_SCALE) ** alpha


G_FUNCTIONS: dict[str, Callable[[torch.Tensor, EntropyStats, float], torch.Tensor]] = {
    "tanh": tanh_g,
    "linear": linear_g,
    "rank": rank_g,
    "shuffled": tanh_g,
    "sqrt": sqrt_g,
}
