"""Two groups of tokens by the entropy of the sampling policy (ESPO, arXiv 2512.00499 section 3.3)."""

from __future__ import annotations

import torch

from sspo.config import SegmentationConfig
from sspo.segmentation.cuts import Responses

OPTIONS: tuple[str, ...] = ("entropy_share", "entropy_over")
READS_TEXT = False
ROUNDING = 1e-9
"""Tolerance for products that exceed an integer by rounding and must not count as the next one."""


def groups(responses: Responses, config: SegmentationConfig) -> torch.Tensor:
    """Return segment ids, (B, T): 1 if the token's entropy is above a quantile, else 0, and -1 off the mask.

    The quantile of n entropies, those of the response or of the rollout, is the smallest one that at least the share 1 -
    `entropy_share` of them do not exceed, or the second largest if it would be the largest. So at most this share of the
    tokens, or one, are in group 1, and tokens of equal entropy are in one group. A response whose tokens are all in one
    group has group 0 alone. Raises ValueError without entropies.
    """
    if responses.entropy_BT is None:
        raise ValueError("segmentation rule 'entropy_group' needs entropy_BT")
    mask_BT = responses.mask_BT
    entropy_BT = responses.entropy_BT.to(mask_BT.device).float()
    if config.entropy_over == "rollout":
        high_BT = torch.zeros_like(mask_BT)
        high_BT[mask_BT] = _high(entropy_BT[mask_BT][None], mask_BT[mask_BT][None], config.entropy_share)[0]
    else:
        high_BT = _high(entropy_BT, mask_BT, config.entropy_share)
    some_low_B1 = (mask_BT & ~high_BT).any(1, keepdim=True)
    return (high_BT & some_low_B1).long().where(mask_BT, -1)


def _high(entropy_BT: torch.Tensor, mask_BT: torch.Tensor, share: float) -> torch.Tensor:
    """Return which tokens of each row are above its quantile."""
    if mask_BT.shape[1] == 0:
        return mask_BT
    tokens_B = mask_BT.sum(1)
    rank_B = (tokens_B.double() * (1 - share) - ROUNDING).ceil().long().minimum(tokens_B - 1).clamp(min=1) - 1
    padding_B = mask_BT.shape[1] - tokens_B
    place_B1 = (padding_B + rank_B).clamp(max=mask_BT.shape[1] - 1)[:, None]
    ascending_BT = entropy_BT.where(mask_BT, float("-inf")).sort(1).values
    return mask_BT & (entropy_BT > ascending_BT.gather(1, place_B1))
