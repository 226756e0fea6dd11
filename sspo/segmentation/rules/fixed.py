"""Segments with equal numbers of tokens. With `fixed_like`, segmentation/even_cuts.py cuts instead."""

from __future__ import annotations

import torch

from sspo.config import SegmentationConfig
from sspo.segmentation.cuts import Responses

OPTIONS: tuple[str, ...] = ("fixed_tokens", "fixed_like")
READS_TEXT = False


def cuts(responses: Responses, config: SegmentationConfig) -> torch.Tensor:
    """Return cut_BT: segments of `fixed_tokens` tokens; the last one may be shorter."""
    position_T = torch.arange(responses.mask_BT.shape[1], device=responses.mask_BT.device)
    return ((position_T + 1) % config.fixed_tokens == 0).expand_as(responses.mask_BT)
