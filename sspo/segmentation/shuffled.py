"""The control that the idea needs: the same segment lengths in shuffled order, so cuts fall at no boundary of sense."""

from __future__ import annotations

import hashlib

import torch

from sspo.randomness import torch_stream
from sspo.segmentation.spans import Responses


def shuffled_cuts(responses: Responses, cut_BT: torch.Tensor, seed: int) -> torch.Tensor:
    """cut_BT with each row's segment lengths in random order, drawn from the seed and the row's tokens."""
    shuffled_BT = torch.zeros_like(cut_BT)
    rows = zip(responses.token_ids_BT.cpu(), responses.mask_BT.cpu(), cut_BT.cpu(), strict=True)
    for i, (ids_T, mask_T, cut_T) in enumerate(rows):
        tokens = int(mask_T.sum())
        if tokens == 0:
            continue
        ends = cut_T[:tokens].nonzero()[:, 0].tolist()
        if not ends or ends[-1] != tokens - 1:
            ends.append(tokens - 1)
        lengths_S = torch.tensor(ends).diff(prepend=torch.tensor([-1]))
        digest = hashlib.sha256(ids_T[:tokens].numpy().tobytes()).hexdigest()
        order_S = torch.randperm(len(lengths_S), generator=torch_stream(seed, f"random cuts {digest}"))
        last_S = lengths_S[order_S].cumsum(0) - 1
        shuffled_BT[i, last_S.to(shuffled_BT.device)] = True
    return shuffled_BT
