"""Rules that cut after punctuation: clauses (subsentence) and sentences.

Which pieces of the vocabulary hold a delimiter is looked up in a table by token id, so nothing is decoded in the loop.
"""

from __future__ import annotations

import torch

from sspo.config import SegmentationConfig
from sspo.segmentation.spans import Responses
from sspo.segmentation.vocabulary import vocabulary_table

SENTENCE_MARKS = ".?!\n。？！"
CLAUSE_MARKS = ",;:" + "，；：、" + SENTENCE_MARKS


def subsentence_cuts(responses: Responses, config: SegmentationConfig) -> torch.Tensor:
    """A segment ends with a piece that holds clause or sentence punctuation or a line break, CJK marks included."""
    return delimiter_cuts(responses, CLAUSE_MARKS, protect_numbers=config.protect_numbers)


def sentence_cuts(responses: Responses, config: SegmentationConfig) -> torch.Tensor:
    """A segment ends with a piece that holds sentence punctuation or a line break."""
    return delimiter_cuts(responses, SENTENCE_MARKS, protect_numbers=config.protect_numbers)


def delimiter_cuts(responses: Responses, marks: str, *, protect_numbers: bool) -> torch.Tensor:
    """cut_BT after every piece that holds one of `marks`.

    With `protect_numbers`, no cut at a comma or period that stands between digits. The end-of-sequence token never
    makes a segment of its own: there is no cut right before a special token.
    """
    table = vocabulary_table(responses.tokenizer, marks)
    ids_BT = responses.token_ids_BT.to(table.holds_mark_V.device).clamp(max=len(table.holds_mark_V) - 1)
    cut_BT = table.holds_mark_V[ids_BT]
    if protect_numbers:
        digit_before_BT = _shift(table.ends_digit_V[ids_BT], 1)
        digit_after_BT = _shift(table.begins_digit_V[ids_BT], -1)
        cut_BT = cut_BT & ~(table.is_number_mark_V[ids_BT] & digit_before_BT & digit_after_BT)
    cut_BT = cut_BT & ~_shift(table.is_special_V[ids_BT], -1)
    return cut_BT.to(responses.mask_BT.device)


def _shift(flag_BT: torch.Tensor, by: int) -> torch.Tensor:
    """The flag of the previous (by=1) or next (by=-1) token; False past the ends."""
    shifted_BT = torch.zeros_like(flag_BT)
    if by == 1:
        shifted_BT[:, 1:] = flag_BT[:, :-1]
    else:
        shifted_BT[:, :-1] = flag_BT[:, 1:]
    return shifted_BT
