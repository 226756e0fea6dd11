"""Rules that look at no text: every token, the whole response, every n tokens, as many segments as another rule."""

from __future__ import annotations

import torch

from sspo.config import SegmentationConfig
from sspo.segmentation.cuts import Responses


def token_cuts(responses: Responses, config: SegmentationConfig) -> torch.Tensor:
    """Every token is its own segment: the ratio level of GRPO."""
    del config
    return responses.mask_BT.clone()


def response_cuts(responses: Responses, config: SegmentationConfig) -> torch.Tensor:
    """One segment a response: the ratio level of GSPO."""
    del config
    return torch.zeros_like(responses.mask_BT)


def fixed_cuts(responses: Responses, config: SegmentationConfig) -> torch.Tensor:
    """Segments of `fixed_tokens`; the last one may be shorter."""
    position_T = torch.arange(responses.mask_BT.shape[1], device=responses.mask_BT.device)
    return ((position_T + 1) % config.fixed_tokens == 0).expand_as(responses.mask_BT)


def even_cuts(mask_BT: torch.Tensor, like_BT: torch.Tensor) -> torch.Tensor:
    """As many segments as cuts `like_BT` make, of lengths that differ by one at most, the longer ones spread out."""
    position_T = torch.arange(mask_BT.shape[1], device=mask_BT.device)
    tokens_B1 = mask_BT.sum(1, keepdim=True)
    inner_BT = like_BT & mask_BT & (position_T < tokens_B1 - 1)  # a cut after the last token makes no segment
    segments_B1 = inner_BT.sum(1, keepdim=True) + 1
    tokens_B1 = tokens_B1.clamp(min=1)
    before_BT = position_T * segments_B1 // tokens_B1
    after_BT = (position_T + 1) * segments_B1 // tokens_B1
    return (after_BT > before_BT) & mask_BT
