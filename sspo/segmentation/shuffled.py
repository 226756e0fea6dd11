"""The control that the idea needs: the same segment lengths in shuffled order, so cuts fall at no boundary of sense."""

from __future__ import annotations

import hashlib

import numpy as np
import torch

from sspo.randomness import torch_stream
from sspo.segmentation.spans import Responses


def shuffled_cuts(responses: Responses, cut_BT: torch.Tensor, seed: int) -> torch.Tensor:
    """cut_BT with each row's segment lengths in random order, drawn from the seed and the row's tokens."""
    ids_BT, cuts_BT = responses.token_ids_BT.cpu().numpy(), cut_BT.cpu().numpy()
    shuffled_BT = np.zeros_like(cuts_BT)
    for i, tokens in enumerate(responses.mask_BT.sum(1).tolist()):
        if tokens == 0:
            continue
        ends_S = np.flatnonzero(cuts_BT[i, : tokens - 1])
        lengths_S = np.diff(ends_S, prepend=-1, append=tokens - 1)
        digest = hashlib.sha256(ids_BT[i, :tokens].tobytes()).hexdigest()
        order_S = torch.randperm(len(lengths_S), generator=torch_stream(seed, f"random cuts {digest}"))
        shuffled_BT[i, lengths_S[order_S.numpy()].cumsum() - 1] = True
    return torch.from_numpy(shuffled_BT).to(cut_BT.device)
