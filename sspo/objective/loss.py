"""The policy loss, in the paper's order: log-ratio, level, bounds, clip, options, aggregate."""

from __future__ import annotations

import torch

from sspo.config import ObjectiveConfig
from sspo.objective.aggregate import AGGREGATIONS
from sspo.objective.bounds import clip_bounds, dual_bound
from sspo.objective.clip import TERM_FUNCTIONS, Surrogate, TermInputs
from sspo.objective.context import whole_batch
from sspo.objective.diagnostics import diagnose, diagnose_options
from sspo.objective.inputs import check_columns, check_entropy, check_objective_row
from sspo.objective.kl import kl_to_reference
from sspo.objective.ratio import partition, surrogate_log_ratio, token_log_ratio
from sspo.objective.sampler_weight import sampler_weights
from sspo.types import LossContext, LossOut


def policy_loss(
    logp_BT: torch.Tensor,
    old_logp_BT: torch.Tensor,
    advantage_BT: torch.Tensor,
    mask_BT: torch.Tensor,
    segment_id_BT: torch.Tensor,
    entropy_BT: torch.Tensor | None,
    objective: ObjectiveConfig,
    *,
    context: LossContext | None = None,
) -> LossOut:
    """Return the loss to minimize (scalar, points) and its metrics by glossary key: `metrics["policy/clip_frac"].value()`
    is a number, None if nothing was counted, and `merge` adds those of another micro-batch.

    Args, all (B, T): logp_BT (nats) carries the gradient; old_logp_BT and entropy_BT (nats) are the sampling policy's;
    advantage_BT (points) may be (B, 1), one per response; mask_BT is True on response tokens; segment_id_BT is -1 off the
    mask. Only ratio level 'segment' uses the ids for the ratio; metrics and segment-level entropy always do. entropy_BT
    may be None if bounds do not follow it. `context` None means that this call is the whole batch; options that need
    more (groups of a prompt, reference or sampler log-probabilities) read it there.

    Raises ValueError, in one sentence, for a missing or misshapen column or a missing part of the context.
    """
    check_objective_row(objective)
    check_columns(logp_BT, advantage_BT, segment_id_BT, old_logp_BT=old_logp_BT, mask_BT=mask_BT)
    mask_BT = mask_BT.bool()
    if context is None:
        check_entropy(entropy_BT, objective)
        context = whole_batch(mask_BT, segment_id_BT, entropy_BT, objective, advantage_BT=advantage_BT)

    seen = surrogate(logp_BT, old_logp_BT, advantage_BT, mask_BT, segment_id_BT, objective, context)
    term_BT, kl_BT = seen.clipped.term_BT, None
    weights = sampler_weights(old_logp_BT, context, mask_BT, objective)
    if weights is not None:
        term_BT = weights.weigh(term_BT)
    if objective.kl.coef > 0:
        if context.extras.reference_logp_BT is None:
            raise ValueError("objective.kl requires the reference's log-probabilities in the context")
        kl_BT = kl_to_reference(logp_BT, context.extras.reference_logp_BT, mask_BT, objective.kl.estimator)
        term_BT = term_BT - objective.kl.coef * kl_BT
    loss = -AGGREGATIONS[objective.aggregation](term_BT, mask_BT, segment_id_BT, context)

    with torch.no_grad():
        metrics = diagnose(loss, seen, advantage_BT, mask_BT, segment_id_BT, objective)
        metrics |= diagnose_options(seen.clipped, kl_BT, weights, mask_BT, objective)
    return LossOut(loss=loss, metrics=metrics)


def surrogate(
    logp_BT: torch.Tensor,
    old_logp_BT: torch.Tensor,
    advantage_BT: torch.Tensor,
    mask_BT: torch.Tensor,
    segment_id_BT: torch.Tensor,
    objective: ObjectiveConfig,
    context: LossContext,
) -> Surrogate:
    """Return the term of every token before anything is summed: ratio, level, bounds and clip term."""
    d_BT = token_log_ratio(logp_BT, old_logp_BT, mask_BT)
    log_ratio_BT = surrogate_log_ratio(d_BT, objective.ratio, segment_id_BT, mask_BT, objective.pooling)
    level = "response" if objective.ratio == "prefix" else objective.ratio
    low_BT, high_BT = clip_bounds(context.extras.g, old_logp_BT, objective)
    dual_BT = dual_bound(context.extras.g, objective)
    clipped = TERM_FUNCTIONS[objective.term](
        TermInputs(
            logp_BT=logp_BT,
            d_BT=d_BT,
            log_ratio_BT=log_ratio_BT,
            advantage_BT=advantage_BT,
            low_BT=low_BT,
            high_BT=high_BT,
            dual_BT=dual_BT,
            level_id_BT=partition(level, segment_id_BT, mask_BT),
            mask_BT=mask_BT,
            objective=objective,
        )
    )
    return Surrogate(d_BT=d_BT, low_BT=low_BT, high_BT=high_BT, dual_BT=dual_BT, clipped=clipped)
