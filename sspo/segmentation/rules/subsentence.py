"""Clauses: our reading of the paper."""

from __future__ import annotations

import torch

from sspo.config import SegmentationConfig
from sspo.segmentation.cuts import Responses
from sspo.segmentation.delimiter_table import CLAUSE_MARKS
from sspo.segmentation.delimiters import delimiter_cuts

OPTIONS: tuple[str, ...] = ()
READS_TEXT = True


def cuts(responses: Responses, config: SegmentationConfig) -> torch.Tensor:
    """Return cut_BT: a segment ends with clause or sentence punctuation or a line break, CJK marks included."""
    return delimiter_cuts(responses, config, CLAUSE_MARKS)
