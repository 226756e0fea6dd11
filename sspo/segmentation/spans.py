"""Cuts, segment ids and lengths, and how one becomes the other."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True, kw_only=True)
class Responses:
    """What a rule may look at."""

    token_ids_BT: torch.Tensor
    mask_BT: torch.Tensor
    tokenizer: PreTrainedTokenizerBase


def ids_from_cuts(cut_BT: torch.Tensor, mask_BT: torch.Tensor) -> torch.Tensor:
    """A token's id is the number of cuts before it; the token that is cut after belongs to the segment it ends."""
    before_BT = cut_BT.long().cumsum(1) - cut_BT.long()
    return torch.where(mask_BT, before_BT, -1)


def merge_short(cut_BT: torch.Tensor, min_tokens: int) -> torch.Tensor:
    """Drop cuts that would end a segment of fewer than `min_tokens`, so it grows into the next one.

    A response's last segment has no next one and may stay short.
    """
    if min_tokens == 1:
        return cut_BT
    kept_BT = torch.zeros_like(cut_BT)
    length_B = torch.zeros(len(cut_BT), dtype=torch.long, device=cut_BT.device)
    for t in range(cut_BT.shape[1]):
        length_B = length_B + 1
        kept_BT[:, t] = cut_BT[:, t] & (length_B >= min_tokens)
        length_B = length_B.where(~kept_BT[:, t], 0)
    return kept_BT
