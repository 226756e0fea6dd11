"""The order of a rollout's rows: that of the data, and that in which verl's ranks take them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from sspo.errors import UserError


def order_of_answers(
    keys: Sequence[str], tags: Sequence[Mapping[str, Any]], numbers: Sequence[int], answers: int
) -> list[int]:
    """Return the places of verl's rows in the order of the data: by the number of their prompt, then by prompt and answer.

    Keys are verl's, `uid_session_output`. Raises RuntimeError if rows are not the `answers` of a rollout: in the place of an answer
    that failed verl puts a row without tokens, and such a row would count.
    """
    parts = [key.rsplit("_", 2) for key in keys]
    if any(output != "0" for _, _, output in parts):
        raise UserError(
            "an agent loop returned several outputs for one response, which our segmentation cannot read: use an agent loop of one turn"
        )
    sampled = sum(not tag.get("is_padding", False) for tag in tags)
    if (sampled, len(keys)) != (answers, answers):
        raise RuntimeError(
            f"a rollout has {sampled} instead of {answers} answers: sampling or scoring of the others failed, and verl's log above says why"
        )
    return sorted(range(answers), key=lambda i: (numbers[i], parts[i][0], int(parts[i][1])))


def check_even(minibatch: int, ranks: int) -> None:
    """Raise UserError unless every rank takes the same number of an optimizer step's responses."""
    if minibatch % ranks:
        raise UserError(
            f"an optimizer step has {minibatch} responses (actor_rollout_ref.actor.ppo_mini_batch_size times actor_rollout_ref.rollout.n), "
            f"which do not spread evenly over {ranks} data-parallel ranks: set ppo_mini_batch_size so that they do"
        )


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
