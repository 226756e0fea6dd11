"""The control for groups of tokens: groups of the same sizes, whose tokens are drawn without regard to entropy."""

from __future__ import annotations

import hashlib

import torch

from sspo.randomness import torch_stream
from sspo.segmentation.cuts import Responses


def shuffled_groups(responses: Responses, segment_id_BT: torch.Tensor, seed: int) -> torch.Tensor:
    """Return segment ids with each row's in random order, drawn from the seed and the row's tokens."""
    ids_BT, id_BT = responses.token_ids_BT.cpu().numpy(), segment_id_BT.cpu()
    shuffled_BT = id_BT.clone()
    for i, tokens in enumerate(responses.mask_BT.sum(1).tolist()):
        digest = hashlib.sha256(ids_BT[i, :tokens].tobytes()).hexdigest()
        order_t = torch.randperm(tokens, generator=torch_stream(seed, f"random groups {digest}"))
        shuffled_BT[i, :tokens] = id_BT[i, order_t]
    return shuffled_BT.to(segment_id_BT.device)
