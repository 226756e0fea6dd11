"""Gradient noise: how much parameter gradients of parts of a rollout disagree, which is what claim C3 is about."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from transformers import PreTrainedModel

from sspo.config import ObjectiveConfig, TrainConfig
from sspo.objective.bounds import entropy_stats
from sspo.randomness import torch_stream
from sspo.recording.ratios import seen_by
from sspo.recording.recorded import RecordedRollout
from sspo.trainer.forward import token_logp
from sspo.trainer.step import part_loss, step_context

SUB_BATCHES = 16


def gradient_noise(
    model: PreTrainedModel,
    recorded: RecordedRollout,
    points: Sequence[tuple[ObjectiveConfig, torch.Tensor]],
    config: TrainConfig,
) -> list[float | None]:
    """tr(Cov) / |mean|^2 of the gradients of sixteen random parts of the rollout, for each (objective, segment_id_BT).

    `model` is the policy after the rollout's last update, where ratios are furthest from 1. The estimate saturates at
    the number of parts: that is what pure noise gives. None where every gradient is zero. Memory: two parameter
    vectors a point.
    """
    variants = [(objective, seen_by(recorded, objective, ids_BT)) for objective, ids_BT in points]
    parameters = [p for p in model.parameters() if p.requires_grad]
    size = sum(p.numel() for p in parameters)
    total = [torch.zeros(size, dtype=torch.float64) for _ in variants]
    squares = [0.0 for _ in variants]
    generator = torch_stream(config.seed, "gradient noise", recorded.number)
    order_B = torch.randperm(len(recorded.batch.mask_BT), generator=generator)
    parts = order_B.tensor_split(min(SUB_BATCHES, len(order_B)))
    for row_b in parts:
        part = recorded.batch.rows(row_b).to(model.device)
        logp_bt = token_logp(model, part, config.rollout.temperature)
        for i, (objective, variant) in enumerate(variants):
            weight_bt = _loss_gradient(logp_bt.detach().cpu(), variant, row_b, objective, config)
            weight_bt = weight_bt.to(model.device)
            pulled = torch.autograd.grad(logp_bt, parameters, weight_bt, retain_graph=True)
            flat = torch.cat([g.flatten() for g in pulled]).double().cpu()
            total[i] += flat
            squares[i] += float(flat @ flat)
    return [_noise(total[i] / len(parts), squares[i], len(parts)) for i in range(len(variants))]


def _loss_gradient(
    logp_bt: torch.Tensor,
    recorded: RecordedRollout,
    row_b: torch.Tensor,
    objective: ObjectiveConfig,
    config: TrainConfig,
) -> torch.Tensor:
    """d loss / d logp_bt, which the chain rule carries to the parameters."""
    batch = recorded.batch
    stats = entropy_stats(batch.entropy_BT, batch.segment_id_BT, batch.mask_BT, objective.bounds)
    leaf_bt = logp_bt.clone().requires_grad_()
    context = step_context(batch, row_b, config.rollout.max_tokens, stats)
    part_loss(leaf_bt, batch.rows(row_b), objective, context).loss.backward()
    assert leaf_bt.grad is not None
    return leaf_bt.grad


def _noise(mean: torch.Tensor, squares: float, parts: int) -> float | None:
    norm = float(mean @ mean)
    if norm == 0 or parts < 2:
        return None
    return (squares - parts * norm) / (parts - 1) / norm
