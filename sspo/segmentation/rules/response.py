"""One segment per response: the ratio level of GSPO."""

from __future__ import annotations

import torch

from sspo.config import SegmentationConfig
from sspo.segmentation.cuts import Responses

OPTIONS: tuple[str, ...] = ()
READS_TEXT = False


def cuts(responses: Responses, config: SegmentationConfig) -> torch.Tensor:
    """Return cut_BT: no segment ends before its response does."""
    del config
    return torch.zeros_like(responses.mask_BT)
