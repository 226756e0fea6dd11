"""Dual-clip PPO (arXiv 1912.09729): where the advantage is negative, no term falls below C times it."""

import torch

from sspo.objective.clip import ClippedTerm, TermInputs, clip_term

C = 3.0


@clip_term(clips=True)
def dual_clip(x: TermInputs) -> ClippedTerm:
    """max(min(r A, clip(r, 1 - lo, 1 + hi) A), C A) where A < 0, PPO's term elsewhere."""
    ratio_BT = x.log_ratio_BT.exp()
    inside_BT = torch.minimum(torch.maximum(ratio_BT, 1 - x.low_BT), 1 + x.high_BT)
    ppo_BT = torch.minimum(ratio_BT * x.advantage_BT, inside_BT * x.advantage_BT)
    down_BT = x.advantage_BT < 0
    return ClippedTerm(
        term_BT=torch.where(down_BT, torch.maximum(ppo_BT, C * x.advantage_BT), ppo_BT),
        clipped_low_BT=down_BT & (ratio_BT < 1 - x.low_BT),
        clipped_high_BT=((x.advantage_BT > 0) & (ratio_BT > 1 + x.high_BT)) | (down_BT & (ratio_BT > C)),
        log_ratio_BT=x.log_ratio_BT,
    )
