"""The loss of a micro-batch inside verl's workers: verl's own `ppo_loss` calls the policy loss `sspo`, which is registered here.

verl hands a registered loss log-probabilities and advantages alone. `step_loss`, which the trainer gives to every worker as
its loss function, therefore lays out what else belongs to the micro-batch (segment ids, old entropies, bounds) before it
calls `ppo_loss`. The share that a micro-batch returns is multiplied by the number of data-parallel ranks, because verl
averages gradients over them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import torch
from verl.trainer.ppo.core_algos import register_policy_loss
from verl.utils.tensordict_utils import get_non_tensor_data
from verl.workers.utils.losses import ppo_loss

from sspo.config import ObjectiveConfig
from sspo.errors import UserError
from sspo.integrations.verl.job.columns import COLUMNS, ROW, part_of
from sspo.integrations.verl.names import NAME
from sspo.metrics import Metric
from sspo.objective.clip_controller import scaled
from sspo.objective.micro_batch import part_loss
from sspo.types import Batch, LossContext

SCALE = "sspo_clip_scale"
"""Non-tensor entry of verl's data: the factor on clip.low and clip.high in this rollout."""


@dataclass(frozen=True, kw_only=True)
class StepPart:
    """What one micro-batch tells of its optimizer step. On the CPU, so that any process can read it."""

    row_b: torch.Tensor
    """Places of its rows in the rollout."""
    metrics: dict[str, Metric]
    logp_bT: torch.Tensor
    """Log-probabilities of its tokens in the forward pass of the update, nats."""


@dataclass(kw_only=True)
class Given:
    """One micro-batch on its way through `ppo_loss`."""

    objective: ObjectiveConfig
    part: Batch
    context: LossContext
    ranks: int
    metrics: dict[str, Metric] = field(default_factory=dict)
    logp_bT: torch.Tensor | None = None


_given: ContextVar[Given | None] = ContextVar("given", default=None)


@contextmanager
def _laid_out(given: Given) -> Iterator[None]:
    token = _given.set(given)
    try:
        yield
    finally:
        _given.reset(token)


def sspo_policy_loss(
    old_log_prob: torch.Tensor,
    log_prob: torch.Tensor,
    advantages: torch.Tensor,
    response_mask: torch.Tensor,
    loss_agg_mode: str = "token-mean",
    config: Any = None,
    rollout_is_weights: torch.Tensor | None = None,
) -> tuple[torch.Tensor, dict[str, Any]]:
    """Return the micro-batch's share of the loss times the ranks. Log-probabilities in nats, (B, T).

    The other arguments are verl's: the same numbers are in the micro-batch as the trainer prepared it. Raises UserError
    without the trainer that prepares it.
    """
    given = _given.get()
    if given is None:
        raise UserError(
            f"policy_loss.loss_mode={NAME} needs segment ids and old entropies, which verl's own trainers do not send: set "
            f"trainer.v1.trainer_mode={NAME}"
        )
    out = part_loss(log_prob, given.part, given.objective, given.context)
    given.metrics, given.logp_bT = out.metrics, log_prob.detach()
    return out.loss * given.ranks, {}


register_policy_loss(NAME)(sspo_policy_loss)


def step_loss(
    config: Any,
    model_output: Any,
    data: Any,
    dp_group: Any = None,
    *,
    objective: ObjectiveConfig,
    max_tokens: int,
) -> tuple[torch.Tensor, dict[str, Any]]:
    """Return verl's loss of a micro-batch and its metrics, ours among them. `max_tokens` is the limit of a response.

    Counts are those of the optimizer step over all micro-batches and ranks, as verl's engine counts them.
    """
    given = Given(
        objective=scaled(objective, get_non_tensor_data(data, SCALE, 1.0)),
        part=part_of(data),
        context=LossContext(
            tokens=int(data["batch_num_tokens"]),
            responses=int(data["global_batch_size"]),
            max_response_tokens=max_tokens,
        ),
        ranks=int(data["dp_size"]),
    )
    with _laid_out(given):
        loss, metrics = ppo_loss(config=config, model_output=model_output, data=data, dp_group=dp_group)
    assert given.logp_bT is not None
    row_b = data[COLUMNS[ROW]].to_padded_tensor(-1)[:, 0]
    part = StepPart(
        row_b=row_b.long().cpu(),
        metrics={key: _on_cpu(metric) for key, metric in given.metrics.items()},
        logp_bT=given.logp_bT.float().cpu(),
    )
    return loss, {**metrics, NAME: [part]}


def _on_cpu(metric: Metric) -> Metric:
    parts = tuple(part.cpu() if isinstance(part, torch.Tensor) else part for part in metric.parts)
    return Metric(metric.reduction, parts, metric.min_count)
