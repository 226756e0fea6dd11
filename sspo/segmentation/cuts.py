"""Cuts, segment ids and lengths, and conversions between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from sspo.objective.ratio import ids_from_cuts

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True, kw_only=True)
class Responses:
    """Inputs of a segmentation rule."""

    token_ids_BT: torch.Tensor
    mask_BT: torch.Tensor
    tokenizer: PreTrainedTokenizerBase
    entropy_BT: torch.Tensor | None = None
    """Entropy (nats) of the sampling policy at every token; None if it was not measured."""


def merge_short(cut_BT: torch.Tensor, min_tokens: int) -> torch.Tensor:
    """Drop cuts that would end a segment of fewer than `min_tokens`, so that it is merged into the next one.

    A response's last segment has no next one and may stay short. The cut that is kept after a kept cut depends on that
    one alone, so the cuts of all rows form a chain of pointers, which is followed in steps of 1, 2, 4, ... at once.
    """
    if min_tokens == 1:
        return cut_BT
    rows, width = cut_BT.shape
    # a row's cuts follow its start, which counts as a cut before its first token
    stride = width + min_tokens
    row_C, column_C = cut_BT.nonzero(as_tuple=True)
    start_B = torch.arange(rows, device=cut_BT.device) * stride
    place_C = start_B[row_C] + column_C + 1
    place_D = torch.cat([start_B, place_C]).sort().values
    next_D = torch.searchsorted(
        place_D, place_D + min_tokens
    )  # past a row's last cut this is the next row's start
    end = len(place_D)
    next_D = torch.cat([next_D, next_D.new_tensor([end])])
    is_start_D = torch.cat([place_D % stride == 0, place_D.new_zeros(1, dtype=torch.bool)])
    kept_D = is_start_D
    for _ in range(max(end, 2).bit_length()):
        reached_D = torch.zeros_like(kept_D)
        reached_D[next_D[kept_D]] = True
        kept_D = kept_D | reached_D
        next_D = next_D[next_D]
    kept_place = place_D[kept_D[:-1] & ~is_start_D[:-1]]
    kept_BT = torch.zeros_like(cut_BT)
    kept_BT[kept_place // stride, kept_place % stride - 1] = True
    return kept_BT


def split_long(cut_BT: torch.Tensor, mask_BT: torch.Tensor, max_tokens: int | None) -> torch.Tensor:
    """Cut segments of more than `max_tokens` into the fewest parts within that limit, equal to within one token."""
    if max_tokens is None:
        return cut_BT
    id_BT = ids_from_cuts(cut_BT, mask_BT)
    row_N, column_N = mask_BT.nonzero(as_tuple=True)
    id_N = id_BT[row_N, column_N]
    begins_N = torch.ones_like(row_N, dtype=torch.bool)
    begins_N[1:] = (row_N[1:] != row_N[:-1]) | (id_N[1:] != id_N[:-1])
    length_S = torch.bincount(begins_N.cumsum(0) - 1)
    length_N = length_S.repeat_interleave(length_S)
    nth_N = torch.arange(len(row_N), device=cut_BT.device) - begins_N.nonzero().squeeze(1).repeat_interleave(
        length_S
    )
    parts_N = (length_N + max_tokens - 1) // max_tokens
    ends_N = (nth_N + 1) * parts_N // length_N > nth_N * parts_N // length_N
    split_BT = cut_BT.clone()
    split_BT[row_N[ends_N], column_N[ends_N]] = True
    return split_BT & mask_BT
