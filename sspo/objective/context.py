"""Quantities of a whole rollout that an objective needs, computed once and carried by its rows so that micro-batches
agree.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from sspo.config import ObjectiveConfig
from sspo.objective.bounds import RolloutColumns, multipliers
from sspo.randomness import torch_stream
from sspo.types import Batch, LossContext, TokenExtras


def prepared(
    batch: Batch,
    objective: ObjectiveConfig,
    group: int,
    seed: int,
    rollout: int,
    vocabulary: int | None = None,
) -> Batch:
    """Return the rollout's batch with the columns that the objective requires. Row i answers prompt i // group.

    The permutation of shuffled bounds derives from (seed, rollout). `vocabulary` is the number of tokens that the policy
    chooses from, required by the bounds of 'espo' only.
    """
    columns = batch.mask_BT, batch.segment_id_BT, batch.entropy_BT, batch.advantage_BT
    stream = torch_stream(seed, "shuffled bounds", rollout)
    low_BT, high_BT = _factors(objective, *columns, group, vocabulary, stream)
    weight_B = group_weight(batch.mask_BT, group) if objective.aggregation == "group_token_mean" else None
    extras = replace(batch.extras, g_low_BT=low_BT, g_high_BT=high_BT, group_weight_B=weight_B)
    return replace(batch, extras=extras)


def group_weight(mask_BT: torch.Tensor, group: int) -> torch.Tensor:
    """Return, (B,), the number of responses to each row's prompt over their total tokens; 0 if they have no tokens.

    `group` consecutive rows share a prompt.
    """
    tokens_P = mask_BT.sum(1).view(-1, group).sum(1)
    weight_P = torch.where(tokens_P > 0, group / tokens_P.double(), 0.0)
    return weight_P.repeat_interleave(group)


def whole_batch(
    mask_BT: torch.Tensor,
    segment_id_BT: torch.Tensor,
    entropy_BT: torch.Tensor | None,
    objective: ObjectiveConfig,
    *,
    advantage_BT: torch.Tensor | None = None,
    group: int | None = None,
    vocabulary: int | None = None,
    seed: int = 0,
) -> LossContext:
    """Return the context of a call that is the whole batch; the padded width serves as the token limit.

    `group` is the number of consecutive rows that share a prompt, required by aggregation 'group_token_mean' and, with
    the advantages, by the bounds of 'gapo'; `vocabulary` is the number of tokens that the policy chooses from, required
    by the bounds of 'espo'; `seed` is that of shuffled bounds. Raises ValueError if bounds follow something that is None.
    """
    columns = mask_BT, segment_id_BT, entropy_BT, advantage_BT
    stream = torch_stream(seed, "shuffled bounds")
    low_BT, high_BT = _factors(objective, *columns, group, vocabulary, stream)
    return LossContext(
        tokens=int(mask_BT.sum()),
        responses=len(mask_BT),
        max_response_tokens=mask_BT.shape[1],
        extras=TokenExtras(
            g_low_BT=low_BT,
            g_high_BT=high_BT,
            group_weight_B=None if group is None else group_weight(mask_BT, group),
        ),
    )


def _factors(
    objective: ObjectiveConfig,
    mask_BT: torch.Tensor,
    segment_id_BT: torch.Tensor,
    entropy_BT: torch.Tensor | None,
    advantage_BT: torch.Tensor | None,
    group: int | None,
    vocabulary: int | None,
    stream: torch.Generator,
) -> tuple[torch.Tensor, torch.Tensor] | tuple[None, None]:
    """Return the factors of clip.low and clip.high at each token of a whole rollout; None and None if there are none."""
    seen = RolloutColumns(
        segment_id_BT=segment_id_BT,
        mask_BT=mask_BT,
        entropy_BT=entropy_BT,
        advantage_BT=advantage_BT,
        group=group,
        vocabulary=vocabulary,
        generator=stream,
    )
    return multipliers(seen, objective) or (None, None)
