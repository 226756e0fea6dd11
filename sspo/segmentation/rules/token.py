"""Every token is its own segment: the ratio level of GRPO."""

from __future__ import annotations

import torch

from sspo.config import SegmentationConfig
from sspo.segmentation.cuts import Responses

OPTIONS: tuple[str, ...] = ()
READS_TEXT = False


def cuts(responses: Responses, config: SegmentationConfig) -> torch.Tensor:
    """Return cut_BT: a segment ends with every token."""
    del config
    return responses.mask_BT.clone()
