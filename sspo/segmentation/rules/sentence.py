"""Sentences."""

from __future__ import annotations

import torch

from sspo.config import SegmentationConfig
from sspo.segmentation.cuts import Responses
from sspo.segmentation.delimiter_table import SENTENCE_MARKS
from sspo.segmentation.delimiters import delimiter_cuts

OPTIONS: tuple[str, ...] = ()
READS_TEXT = True


def cuts(responses: Responses, config: SegmentationConfig) -> torch.Tensor:
    """Return cut_BT: a segment ends with sentence punctuation or a line break."""
    return delimiter_cuts(responses, config, SENTENCE_MARKS)
