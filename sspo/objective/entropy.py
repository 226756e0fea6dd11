"""The entropy that clip bounds follow: at the level of tokens, segments or responses, and its statistics over a rollout."""

from __future__ import annotations

import torch

from sspo.config import BoundsConfig
from sspo.objective.g import RANKED, EntropyStats
from sspo.objective.ratio import partition, segment_mean

FOLLOW_NO_ENTROPY = ("none", "dcpo")


def adapting_entropy(
    entropy_BT: torch.Tensor,
    segment_id_BT: torch.Tensor,
    mask_BT: torch.Tensor,
    bounds: BoundsConfig,
    generator: torch.Generator | None = None,
) -> torch.Tensor:
    """H_BT at the configured level: the token's own entropy, or the mean of its segment or response.

    Bounds that follow no entropy look at none: theirs is the token's own.

    Adaptation 'shuffled' hands the values of the whole rollout round among its tokens, segments or responses, by a
    permutation from `generator`: the same bounds, at places that say nothing of entropy. It is a ValueError without one.
    """
    if bounds.adapt in FOLLOW_NO_ENTROPY:
        return entropy_BT
    level_id_BT = partition(bounds.entropy_level, segment_id_BT, mask_BT)
    h_BT = entropy_BT if bounds.entropy_level == "token" else segment_mean(entropy_BT, level_id_BT, mask_BT)
    if bounds.adapt != "shuffled":
        return h_BT
    if generator is None:
        raise ValueError("shuffled bounds need the rollout's own permutation: see objective/prepare.py")
    return _shuffled(h_BT, level_id_BT, mask_BT, generator)


def _shuffled(
    h_BT: torch.Tensor, level_id_BT: torch.Tensor, mask_BT: torch.Tensor, generator: torch.Generator
) -> torch.Tensor:
    """h_BT with its values permuted over units (row, id); drawn on the CPU, so that devices agree."""
    units_B = level_id_BT.amax(1) + 1
    unit_BT = (level_id_BT + (units_B.cumsum(0) - units_B)[:, None]).clamp(min=0)
    value_U = torch.zeros(int(units_B.sum()), dtype=h_BT.dtype, device=h_BT.device)
    value_U[unit_BT[mask_BT]] = h_BT[mask_BT]
    order_U = torch.randperm(len(value_U), generator=generator).to(h_BT.device)
    dealt_BT = torch.zeros_like(h_BT)
    dealt_BT[mask_BT] = value_U[order_U][unit_BT[mask_BT]]
    return dealt_BT


def entropy_stats(h_BT: torch.Tensor, mask_BT: torch.Tensor, bounds: BoundsConfig) -> EntropyStats:
    """Statistics of what bounds follow, over all response tokens of a rollout batch."""
    count = mask_BT.sum().clamp(min=1)
    mean = torch.where(mask_BT, h_BT, 0.0).sum() / count
    sd = (torch.where(mask_BT, (h_BT - mean) ** 2, 0.0).sum() / count).sqrt()
    sorted_N = _sorted(h_BT, mask_BT) if bounds.adapt in RANKED else None
    return EntropyStats(mean=mean, sd=sd, sorted_N=sorted_N)


def _sorted(h_BT: torch.Tensor, mask_BT: torch.Tensor) -> torch.Tensor:
    values_N = h_BT[mask_BT].sort().values
    return values_N if len(values_N) else h_BT.new_zeros(1)
