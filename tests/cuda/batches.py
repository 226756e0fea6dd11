"""Rows for the loss, and every objective with what it asks for."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from sspo.config import KlConfig, ObjectiveConfig
from sspo.objective.context import whole_batch
from sspo.objective.loss import policy_loss
from sspo.objective.variants import VARIANTS
from sspo.types import LossContext, LossOut

GROUP = 8
VOCABULARY = 50
"""Rows of a prompt."""
SSPO = VARIANTS["sspo"]
OBJECTIVES: dict[str, ObjectiveConfig] = {
    **VARIANTS,
    **{f"kl {name}": replace(SSPO, kl=KlConfig(coef=0.1, estimator=name)) for name in ("k1", "k2", "k3")},
    "tis_cap": replace(VARIANTS["grpo"], tis_cap=2.0),
    "mis_cap": replace(VARIANTS["gspo"], mis_cap=1.02),
    "segment_mean": replace(SSPO, aggregation="segment_mean"),
}
"""The named rows, and every option beside them."""


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Columns of a whole batch, one number a token; the last two are for options."""

    logp_BT: torch.Tensor
    old_logp_BT: torch.Tensor
    advantage_BT: torch.Tensor
    mask_BT: torch.Tensor
    segment_id_BT: torch.Tensor
    entropy_BT: torch.Tensor
    reference_logp_BT: torch.Tensor
    sampler_logp_BT: torch.Tensor

    def to(self, device: str, dtype: torch.dtype) -> Rows:
        """The same on a device, its numbers in the dtype."""
        moved = {name: value.to(device) for name, value in vars(self).items()}
        return Rows(**{n: v.to(dtype) if v.is_floating_point() else v for n, v in moved.items()})


def ragged_rows(rows: int, width: int, seed: int = 0) -> Rows:
    """Random rows on the CPU in float64: ragged, one of them empty, segments of about eight tokens, two updates off policy."""
    generator = torch.Generator().manual_seed(seed)

    def normal() -> torch.Tensor:
        return torch.randn(rows, width, generator=generator, dtype=torch.float64)

    length_B = torch.randint(width // 4, width + 1, (rows,), generator=generator)
    length_B[1] = 0
    mask_BT = torch.arange(width) < length_B[:, None]
    cut_BT = (torch.rand(rows, width, generator=generator) < 1 / 8).long()
    old_BT = -normal().abs()
    advantage_BT = normal()[:, :1].expand(rows, width).contiguous()
    advantage_BT[GROUP : 2 * GROUP] = 0.0  # a prompt whose responses score alike
    return Rows(
        logp_BT=(old_BT + 0.15 * normal()).clamp(max=0),
        old_logp_BT=old_BT,
        advantage_BT=advantage_BT,
        mask_BT=mask_BT,
        segment_id_BT=torch.where(mask_BT, cut_BT.cumsum(1) - cut_BT, -1),
        entropy_BT=normal().abs(),
        reference_logp_BT=(old_BT + 0.2 * normal()).clamp(max=0),
        sampler_logp_BT=(old_BT + 0.05 * normal()).clamp(max=0),
    )


def context_of(rows: Rows, objective: ObjectiveConfig) -> LossContext:
    """What a trainer knows of the whole rollout before its updates."""
    columns = rows.mask_BT, rows.segment_id_BT, rows.entropy_BT
    context = whole_batch(
        *columns, objective, advantage_BT=rows.advantage_BT, group=GROUP, vocabulary=VOCABULARY
    )
    extras = replace(
        context.extras, reference_logp_BT=rows.reference_logp_BT, sampler_logp_BT=rows.sampler_logp_BT
    )
    return replace(context, extras=extras)


def loss_of(leaf_BT: torch.Tensor, rows: Rows, objective: ObjectiveConfig, context: LossContext) -> LossOut:
    """The loss at log-probabilities that carry the gradient."""
    columns = rows.old_logp_BT, rows.advantage_BT, rows.mask_BT, rows.segment_id_BT, rows.entropy_BT
    return policy_loss(leaf_BT, *columns, objective, context=context)
