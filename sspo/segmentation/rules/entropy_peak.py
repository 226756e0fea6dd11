"""Cuts before the tokens at which the policy was uncertain."""

from __future__ import annotations

import torch

from sspo.config import SegmentationConfig
from sspo.segmentation.cuts import Responses

OPTIONS: tuple[str, ...] = ("entropy_quantile",)
READS_TEXT = False
ROUNDING = 1e-9
"""Tolerance for products that exceed an integer by rounding and must not count as the next one, as 0.07 * 100 > 7."""


def cuts(responses: Responses, config: SegmentationConfig) -> torch.Tensor:
    """Return cut_BT: a segment begins at a local maximum of entropy that is not below a quantile of its own response.

    A local maximum is above the token before it and not below the token after it. The quantile of n entropies is the
    smallest one that at least the share `entropy_quantile` of them do not exceed. Raises ValueError without entropies.
    """
    if responses.entropy_BT is None:
        raise ValueError("segmentation rule 'entropy_peak' needs entropy_BT")
    mask_BT = responses.mask_BT
    entropy_BT = responses.entropy_BT.to(mask_BT.device).float().where(mask_BT, float("-inf"))
    tokens_B = mask_BT.sum(1)
    rank_B = (tokens_B.double() * config.entropy_quantile - ROUNDING).ceil().long().clamp(min=1) - 1
    padding_B = mask_BT.shape[1] - tokens_B
    place_B1 = (padding_B + rank_B).clamp(max=mask_BT.shape[1] - 1)[:, None]
    threshold_B1 = entropy_BT.sort(1).values.gather(1, place_B1)
    peak_BT = mask_BT & (entropy_BT >= threshold_B1)
    peak_BT[:, 1:] &= entropy_BT[:, 1:] > entropy_BT[:, :-1]
    peak_BT[:, :-1] &= entropy_BT[:, :-1] >= entropy_BT[:, 1:]
    cut_BT = torch.zeros_like(mask_BT)
    cut_BT[:, :-1] = peak_BT[:, 1:]
    return cut_BT
