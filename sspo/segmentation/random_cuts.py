"""The control for the idea of SSPO: the same segment lengths in shuffled order, so cuts do not fall at meaningful
boundaries.
"""

from __future__ import annotations

import hashlib
import itertools

import numpy as np
import torch

from sspo.randomness import torch_stream
from sspo.segmentation.cuts import Responses


def shuffled_cuts(responses: Responses, cut_BT: torch.Tensor, seed: int) -> torch.Tensor:
    """Return cut_BT with each row's segment lengths in random order, drawn from the seed and the row's tokens."""
    ids_BT, position_T = responses.token_ids_BT.cpu().numpy(), np.arange(cut_BT.shape[1])
    tokens_B = responses.mask_BT.sum(1).cpu().numpy()
    to_last_BT = tokens_B[:, None] - 1 - position_T
    row_S, end_S = np.nonzero((cut_BT.cpu().numpy() & (to_last_BT > 0)) | (to_last_BT == 0))
    begins_row_S = np.diff(row_S, prepend=-1) > 0
    length_S = end_S - np.where(begins_row_S, -1, np.roll(end_S, 1))
    shuffled_BT = np.zeros(cut_BT.shape, bool)
    for first, last in itertools.pairwise([*np.flatnonzero(begins_row_S), len(row_S)]):
        i = row_S[first]
        digest = hashlib.sha256(ids_BT[i, : tokens_B[i]].tobytes()).hexdigest()
        order_s = torch.randperm(last - first, generator=torch_stream(seed, f"random cuts {digest}")).numpy()
        shuffled_BT[i, length_S[first:last][order_s].cumsum() - 1] = True
    return torch.from_numpy(shuffled_BT).to(cut_BT.device)
