"""Rules that look at no text: every token, the whole response, every n tokens."""

from __future__ import annotations

import torch

from sspo.config import SegmentationConfig
from sspo.segmentation.spans import Responses


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
