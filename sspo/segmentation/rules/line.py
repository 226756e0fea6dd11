"""Lines."""

from __future__ import annotations

import torch

from sspo.config import SegmentationConfig
from sspo.segmentation.cuts import Responses
from sspo.segmentation.delimiter_table import LINE_MARKS
from sspo.segmentation.delimiters import delimiter_cuts

OPTIONS: tuple[str, ...] = ()
READS_TEXT = True


def cuts(responses: Responses, config: SegmentationConfig) -> torch.Tensor:
    """Return cut_BT: a segment ends with a line break; blank lines belong to the line before them."""
    return delimiter_cuts(responses, config, LINE_MARKS)
