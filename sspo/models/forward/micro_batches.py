"""Rows split by a token budget, so that a forward pass fits into memory."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from sspo.types import Batch


def micro_batches(batch: Batch, index_b: torch.Tensor, budget: int) -> Iterator[tuple[torch.Tensor, Batch]]:
    """Split the rows of `index_b` into parts of at most `budget` padded tokens (at least one row), longest first.

    Yields (row indices, trimmed rows).
    """
    tokens_b = batch.mask_BT[index_b].sum(1)
    order = index_b[tokens_b.argsort(descending=True, stable=True)]
    lengths = batch.mask_BT[order].sum(1).tolist()
    prompts = batch.prompt_mask_BL[order].sum(1).tolist()
    start = 0
    while start < len(order):
        stop, prompt = start, 0
        while stop < len(order):
            prompt = max(prompt, prompts[stop])
            if stop > start and (stop + 1 - start) * (lengths[start] + prompt) > budget:
                break
            stop += 1
        yield order[start:stop], batch.rows(order[start:stop])
        start = stop
