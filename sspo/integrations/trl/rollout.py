"""One generation of TRL's, over all processes: what a batch of ours holds, computed once and carried by its rows.

Every process gathers all rows and computes the same columns, so that advantages, segments' entropies and bounds are those of
the whole rollout; each then keeps the columns of its own rows, which TRL shuffles and splits with the rest.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from sspo.types import Batch, TokenExtras

ROW = "row"
"""The column that names a row's place in the rollout."""


def whole(accelerator: Any, output: dict[str, Any]) -> Batch:
    """Return the rows of all processes as a batch without advantages, segments and entropies yet, in TRL's order.

    Padded to the longest prompt and response of any process. Columns that TRL has not are zero.
    """
    mask_BT = _gathered(accelerator, output["completion_mask"]).bool()
    nothing_BT = torch.zeros(mask_BT.shape, device=mask_BT.device)
    reference, sampler = output.get("ref_per_token_logps"), output.get("sampling_per_token_logps")
    old_logp_BT = _gathered(accelerator, output["old_per_token_logps"]).where(mask_BT, 0.0)
    extras = TokenExtras()
    if reference is not None:
        extras = replace(extras, reference_logp_BT=_gathered(accelerator, reference).where(mask_BT, 0.0))
    if sampler is not None:
        sampler_logp_BT = _gathered(accelerator, sampler)
        known_BT = mask_BT & ~sampler_logp_BT.isnan()  # vLLM has no number for some tokens: weight 1, d 0
        extras = replace(
            extras, sampler_logp_BT=torch.where(known_BT, sampler_logp_BT, old_logp_BT).where(mask_BT, 0.0)
        )
    return Batch(
        prompt_BL=_gathered(accelerator, output["prompt_ids"], left=True),
        prompt_mask_BL=_gathered(accelerator, output["prompt_mask"], left=True).bool(),
        response_BT=_gathered(accelerator, output["completion_ids"]),
        mask_BT=mask_BT,
        advantage_BT=nothing_BT,
        segment_id_BT=mask_BT.long() - 1,
        old_logp_BT=old_logp_BT,
        entropy_BT=_gathered(accelerator, output["entropy"]).where(mask_BT, 0.0),
        extras=extras,
    )


def _gathered(accelerator: Any, x_BT: torch.Tensor, *, left: bool = False) -> torch.Tensor:
    """Return the rows of all processes, padded to one width."""
    padded: torch.Tensor = accelerator.pad_across_processes(x_BT, dim=1, pad_first=left)
    gathered: torch.Tensor = accelerator.gather(padded)
    return gathered


def own_columns(batch: Batch, rows: slice, width: int) -> dict[str, torch.Tensor]:
    """Return what the loss needs of a process's own rows beside TRL's columns, cut after `width` tokens."""
    extras = batch.extras.rows(rows, width)
    columns = {
        "advantages": batch.advantage_BT[rows, :width],
        "segment_id": batch.segment_id_BT[rows, :width],
        "entropy": batch.entropy_BT[rows, :width],
        "g_low": extras.g_low_BT,
        "g_high": extras.g_high_BT,
        "group_weight": extras.group_weight_B,
        "sampling_per_token_logps": extras.sampler_logp_BT,
        ROW: torch.arange(len(batch.mask_BT), device=batch.mask_BT.device)[rows],
    }
    return {name: column for name, column in columns.items() if column is not None}


def part_of(inputs: dict[str, Any]) -> Batch:
    """Return a micro-batch of TRL's inputs as a batch of ours."""
    mask_BT = inputs["completion_mask"].bool()
    extras = TokenExtras(
        g_low_BT=inputs.get("g_low"),
        g_high_BT=inputs.get("g_high"),
        group_weight_B=inputs.get("group_weight"),
        reference_logp_BT=inputs.get("ref_per_token_logps"),
        sampler_logp_BT=inputs.get("sampling_per_token_logps"),
    )
    return Batch(
        prompt_BL=inputs["prompt_ids"],
        prompt_mask_BL=inputs["prompt_mask"].bool(),
        response_BT=inputs["completion_ids"],
        mask_BT=mask_BT,
        advantage_BT=inputs["advantages"],
        segment_id_BT=inputs["segment_id"],
        old_logp_BT=inputs["old_per_token_logps"],
        entropy_BT=inputs["entropy"],
        extras=extras,
    )
