"""The control for segment lengths: as many segments as the compared rule makes, of equal lengths."""

from __future__ import annotations

import torch


def even_cuts(mask_BT: torch.Tensor, segments_B: torch.Tensor) -> torch.Tensor:
    """Return cut_BT, (B, T) bool: so many segments in each response, of lengths that differ by at most one, with the
    longer ones spread out.
    """
    position_T = torch.arange(mask_BT.shape[1], device=mask_BT.device)
    tokens_B1 = mask_BT.sum(1, keepdim=True)
    segments_B1, tokens_B1 = segments_B[:, None].clamp(min=1), tokens_B1.clamp(min=1)
    before_BT = position_T * segments_B1 // tokens_B1
    after_BT = (position_T + 1) * segments_B1 // tokens_B1
    return (after_BT > before_BT) & mask_BT
