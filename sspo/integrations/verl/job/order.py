"""Which of verl's ranks takes which rows of a rollout, and in what order."""

from __future__ import annotations

from collections.abc import Sequence

import torch


def order_of_rows(minibatches: Sequence[torch.Tensor], tokens_B: Sequence[int], ranks: int) -> list[int]:
    """Return rows in the order in which verl's ranks take them: rank by rank, and within a rank mini-batch by mini-batch.

    Each mini-batch is dealt to ranks in equal numbers, longest rows first and back and forth, so that ranks have about equally
    many tokens.
    """
    dealt: list[list[list[int]]] = [[] for _ in range(ranks)]
    for row_b in minibatches:
        rows = sorted(row_b.tolist(), key=lambda row: (-tokens_B[row], row))
        turns = [rows[i : i + ranks] for i in range(0, len(rows), ranks)]
        turns = [turn[::-1] if i % 2 else turn for i, turn in enumerate(turns)]
        for rank in range(ranks):
            dealt[rank].append([turn[rank] for turn in turns])
    return [row for of_rank in dealt for of_step in of_rank for row in of_step]
