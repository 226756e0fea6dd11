"""Every token's share of the objective before anything is summed: ratio, bounds and clip term."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from sspo.config import ObjectiveConfig
from sspo.objective.bounds import clip_bounds
from sspo.objective.clip import TERMS, ClippedTerm, TermInputs
from sspo.objective.ratio import partition, surrogate_log_ratio, token_log_ratio
from sspo.types import LossContext


@dataclass(frozen=True, kw_only=True)
class Surrogate:
    """What becomes of each token before anything is summed."""

    d_BT: torch.Tensor
    """The tokens' own log-ratios, nats."""
    low_BT: torch.Tensor
    high_BT: torch.Tensor
    clipped: ClippedTerm


def surrogate(
    logp_BT: torch.Tensor,
    old_logp_BT: torch.Tensor,
    advantage_BT: torch.Tensor,
    mask_BT: torch.Tensor,
    segment_id_BT: torch.Tensor,
    objective: ObjectiveConfig,
    context: LossContext,
) -> Surrogate:
    """Ratios, bounds and clip term of every token, as policy_loss has them."""
    d_BT = token_log_ratio(logp_BT, old_logp_BT, mask_BT)
    level_id_BT = partition(objective.ratio, segment_id_BT, mask_BT)
    log_ratio_BT = surrogate_log_ratio(d_BT, level_id_BT, mask_BT)
    low_BT, high_BT = clip_bounds(context.g, old_logp_BT, objective)
    clipped = TERMS[objective.term](
        TermInputs(
            logp_BT=logp_BT,
            d_BT=d_BT,
            log_ratio_BT=log_ratio_BT,
            advantage_BT=advantage_BT,
            low_BT=low_BT,
            high_BT=high_BT,
            level_id_BT=level_id_BT,
            mask_BT=mask_BT,
            tau=objective.tau,
        )
    )
    return Surrogate(d_BT=d_BT, low_BT=low_BT, high_BT=high_BT, clipped=clipped)
