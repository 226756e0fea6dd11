"""The columns of a rollout that travel to verl's workers, one nested tensor each, and the micro-batch that a worker reads from them."""

from __future__ import annotations

from typing import Any

import torch

from sspo.types import Batch, TokenExtras

ROW = "row"
COLUMNS = {
    ROW: "sspo_row",
    "segment_id": "sspo_segment_id",
    "advantage": "advantages",
    "g_low": "sspo_g_low",
    "g_high": "sspo_g_high",
    "group_weight": "sspo_group_weight",
    "sampler_logp": "sspo_sampler_logp",
}
"""Our columns, and their names in verl's data. Of a row's own number there is a copy per token: nested tensors are what
verl splits and moves.
"""
OLD_LOGP, ENTROPY, REFERENCE = "old_log_probs", "entropy", "ref_log_prob"
"""verl's own columns: its trainer writes the old policy's log-probabilities and entropies, in nats."""


def columns_of(batch: Batch) -> dict[str, torch.Tensor]:
    """Return our columns of a whole rollout by their names in verl's data, padded, (B, T)."""
    extras, mask_BT = batch.extras, batch.mask_BT
    row_B = torch.arange(len(mask_BT), device=mask_BT.device)
    values = {
        ROW: row_B,
        "segment_id": batch.segment_id_BT,
        "advantage": batch.advantage_BT,
        "g_low": extras.g_low_BT,
        "g_high": extras.g_high_BT,
        "group_weight": extras.group_weight_B,
        "sampler_logp": extras.sampler_logp_BT,
    }
    return {
        COLUMNS[name]: value[:, None].expand(mask_BT.shape) if value.dim() == 1 else value
        for name, value in values.items()
        if value is not None
    }


def part_of(data: Any) -> Batch:
    """Return a micro-batch of verl's data (a TensorDict of nested tensors) as a batch of ours, padded to its longest response."""
    mask_BT = data["response_mask"].to_padded_tensor(0).bool()

    def column(name: str) -> torch.Tensor | None:
        return data[name].to_padded_tensor(0) if name in data else None

    def needed(name: str) -> torch.Tensor:
        value = column(name)
        if value is None:
            raise KeyError(f"verl's data has no column '{name}'")
        return value

    weight_BT = column(COLUMNS["group_weight"])
    return Batch(
        prompt_BL=data["prompts"].to_padded_tensor(0),
        prompt_mask_BL=torch.ones_like(data["prompts"]).to_padded_tensor(0).bool(),
        response_BT=needed("responses"),
        mask_BT=mask_BT,
        advantage_BT=needed(COLUMNS["advantage"]),
        segment_id_BT=needed(COLUMNS["segment_id"]).where(mask_BT, -1),
        old_logp_BT=needed(OLD_LOGP),
        entropy_BT=needed(ENTROPY),
        extras=TokenExtras(
            g_low_BT=column(COLUMNS["g_low"]),
            g_high_BT=column(COLUMNS["g_high"]),
            group_weight_B=None if weight_BT is None else weight_BT[:, 0],
            reference_logp_BT=column(REFERENCE),
            sampler_logp_BT=column(COLUMNS["sampler_logp"]),
        ),
    )
