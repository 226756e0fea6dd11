"""The policy loss, in the paper's order: log-ratio, level, bounds, clip, aggregate."""

from __future__ import annotations

import torch

from sspo.config import ObjectiveConfig
from sspo.objective.aggregate import AGGREGATIONS
from sspo.objective.bounds import clip_bounds, entropy_stats
from sspo.objective.clip import TERMS
from sspo.objective.diagnostics import diagnose
from sspo.objective.ratio import partition, surrogate_log_ratio
from sspo.types import LossContext, LossOut


def policy_loss(
    logp_BT: torch.Tensor,
    old_logp_BT: torch.Tensor,
    advantage_BT: torch.Tensor,
    mask_BT: torch.Tensor,
    segment_id_BT: torch.Tensor,
    entropy_BT: torch.Tensor,
    objective: ObjectiveConfig,
    *,
    context: LossContext | None = None,
) -> LossOut:
    """The loss to minimise (points) and its metrics, keyed by the glossary.

    logp_BT carries the gradient; old_logp_BT and entropy_BT (nats) are the sampling policy's; mask_BT is True on
    response tokens; segment_id_BT is -1 off the mask. Only ratio level 'segment' uses the ids for the ratio, metrics
    and segment-level entropy always do. `context` None means that this call is the whole batch.
    """
    mask_BT = mask_BT.bool()
    if context is None:
        context = whole_batch(mask_BT, segment_id_BT, entropy_BT, objective)

    d_BT = torch.where(mask_BT, logp_BT - old_logp_BT, 0.0)
    level_id_BT = partition(objective.ratio, segment_id_BT, mask_BT)
    log_ratio_BT = surrogate_log_ratio(d_BT, level_id_BT, mask_BT)
    low_BT, high_BT = clip_bounds(
        entropy_BT, segment_id_BT, mask_BT, objective.clip, objective.bounds, context.entropy
    )
    clipped = TERMS[objective.term](log_ratio_BT, advantage_BT, low_BT, high_BT)
    loss = -AGGREGATIONS[objective.aggregation](clipped.term_BT, mask_BT, segment_id_BT, context)

    with torch.no_grad():
        metrics = diagnose(
            loss=loss,
            d_BT=d_BT,
            log_ratio_BT=log_ratio_BT,
            advantage_BT=advantage_BT,
            mask_BT=mask_BT,
            segment_id_BT=segment_id_BT,
            low_BT=low_BT,
            high_BT=high_BT,
            clipped=clipped,
            bounded=objective.term != "unclipped",
        )
    return LossOut(loss=loss, metrics=metrics)


def whole_batch(
    mask_BT: torch.Tensor, segment_id_BT: torch.Tensor, entropy_BT: torch.Tensor, objective: ObjectiveConfig
) -> LossContext:
    """The context of a call that is the whole batch; the padded width stands for the token limit."""
    return LossContext(
        tokens=int(mask_BT.sum()),
        responses=len(mask_BT),
        max_response_tokens=mask_BT.shape[1],
        entropy=entropy_stats(entropy_BT, segment_id_BT, mask_BT, objective.bounds),
    )
