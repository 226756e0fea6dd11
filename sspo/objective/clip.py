"""Clip terms: log-ratio, advantage and bounds -> the term to maximise and where its gradient was removed."""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True, kw_only=True)
class ClippedTerm:
    """term_BT is to be maximised; a clipped token has no gradient."""

    term_BT: torch.Tensor
    clipped_low_BT: torch.Tensor
    clipped_high_BT: torch.Tensor


def ppo(
    log_ratio_BT: torch.Tensor, advantage_BT: torch.Tensor, low_BT: torch.Tensor, high_BT: torch.Tensor
) -> ClippedTerm:
    """min(r A, clip(r, 1 - lo, 1 + hi) A). Clipped: A > 0 and r > 1 + hi, or A < 0 and r < 1 - lo."""
    ratio_BT = log_ratio_BT.exp()
    inside_BT = torch.minimum(torch.maximum(ratio_BT, 1 - low_BT), 1 + high_BT)
    return ClippedTerm(
        term_BT=torch.minimum(ratio_BT * advantage_BT, inside_BT * advantage_BT),
        clipped_low_BT=(advantage_BT < 0) & (ratio_BT < 1 - low_BT),
        clipped_high_BT=(advantage_BT > 0) & (ratio_BT > 1 + high_BT),
    )


def unclipped(
    log_ratio_BT: torch.Tensor, advantage_BT: torch.Tensor, low_BT: torch.Tensor, high_BT: torch.Tensor
) -> ClippedTerm:
    """r A: the bounds play no part."""
    del low_BT, high_BT
    nowhere_BT = torch.zeros_like(advantage_BT, dtype=torch.bool)
    return ClippedTerm(
        term_BT=log_ratio_BT.exp() * advantage_BT, clipped_low_BT=nowhere_BT, clipped_high_BT=nowhere_BT
    )


TERMS = {"ppo": ppo, "unclipped": unclipped}
