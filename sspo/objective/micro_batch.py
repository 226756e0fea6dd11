"""The loss of one optimizer step: the context of its batch and each micro-batch's share. Training and replay share it."""

from __future__ import annotations

from dataclasses import replace

import torch

from sspo.config import ObjectiveConfig
from sspo.objective.clip import Surrogate
from sspo.objective.loss import policy_loss, surrogate
from sspo.types import Batch, LossContext, LossOut


def step_context(batch: Batch, row_b: torch.Tensor, max_tokens: int) -> LossContext:
    """Return the context of a step on the given rows; `max_tokens` is the token limit of a response."""
    return LossContext(
        tokens=int(batch.mask_BT[row_b].sum()),
        responses=len(row_b),
        max_response_tokens=max_tokens,
    )


def part_loss(
    logp_bt: torch.Tensor, part: Batch, objective: ObjectiveConfig, context: LossContext
) -> LossOut:
    """Return the loss share of a micro-batch whose log-probabilities (nats, with gradient) are `logp_bt`."""
    columns = part.old_logp_BT, part.advantage_BT, part.mask_BT, part.segment_id_BT, part.entropy_BT
    return policy_loss(logp_bt, *columns, objective, context=replace(context, extras=part.extras))


def part_surrogate(
    logp_bt: torch.Tensor, part: Batch, objective: ObjectiveConfig, context: LossContext
) -> Surrogate:
    """Return the per-token terms of a micro-batch before part_loss sums them."""
    columns = part.old_logp_BT, part.advantage_BT, part.mask_BT, part.segment_id_BT
    return surrogate(logp_bt, *columns, objective, replace(context, extras=part.extras))
