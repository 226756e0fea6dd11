"""Whole rows as model inputs: a prompt with its response, padded on both sides."""

from __future__ import annotations

import torch

from sspo.types import Batch


def whole_rows(part: Batch) -> dict[str, torch.Tensor | bool]:
    """Return the arguments of a model that reads the rows in one pass, without a cache."""
    attention = torch.cat([part.prompt_mask_BL, part.mask_BT], 1)
    return {
        "input_ids": torch.cat([part.prompt_BL, part.response_BT], 1),
        "attention_mask": attention.long(),
        "position_ids": (attention.cumsum(1) - 1).clamp(min=0),
        "use_cache": False,
    }


def looked_from(mask_BT: torch.Tensor, prompt: int) -> torch.Tensor:
    """Return the position from which each response token is predicted (the token before it), in the flattened whole
    rows.
    """
    before_BL = torch.nn.functional.pad(mask_BT, (prompt - 1, 1))
    return before_BL.flatten().nonzero()[:, 0]
