"""A batch of rows as requests with one seed each, and the answers as a rollout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from sspo.models.picking import Draws
from sspo.rollout.transformers import left_pad
from sspo.types import Rollout

SEEDS = 2**62


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An engine's answer for one row."""

    tokens: Sequence[int]
    """Including the token that ended it."""
    truncated: bool
    logp: Sequence[float] | None = None
    """Nats per token, if requested."""


def row_seeds(draws: Draws, rows: int) -> list[int]:
    """Return one seed per row, so that no row's tokens depend on its neighbors or their order.

    A generator for the whole batch gives its next number to each row; one stream per row is a seed already.
    """
    if isinstance(draws, torch.Generator):
        return torch.randint(SEEDS, (rows,), generator=draws).tolist()
    if len(draws) != rows:
        raise ValueError(f"{len(draws)} streams for {rows} rows")
    return list(draws)


def as_rollout(
    prompts: Sequence[list[int]],
    responses: int,
    answers: Sequence[Answer],
    pad_id: int,
    device: torch.device,
) -> Rollout:
    """Return the answers as a rollout on a device: in the order of rows, `responses` for each prompt."""
    prompt_PL, prompt_mask_PL = left_pad(list(prompts), pad_id)
    width = max(len(answer.tokens) for answer in answers)
    response_BT = torch.full((len(answers), width), pad_id)
    mask_BT = torch.zeros(response_BT.shape, dtype=torch.bool)
    logp_BT = torch.zeros(response_BT.shape) if answers[0].logp is not None else None
    for row, answer in enumerate(answers):
        size = len(answer.tokens)
        response_BT[row, :size] = torch.tensor(answer.tokens)
        mask_BT[row, :size] = True
        if logp_BT is not None and answer.logp is not None:
            logp_BT[row, :size] = torch.tensor(answer.logp)
    return Rollout(
        prompt_BL=prompt_PL.repeat_interleave(responses, 0).to(device),
        prompt_mask_BL=prompt_mask_PL.repeat_interleave(responses, 0).to(device),
        response_BT=response_BT.to(device),
        mask_BT=mask_BT.to(device),
        truncated_B=torch.tensor([answer.truncated for answer in answers], device=device),
        logp_BT=None if logp_BT is None else logp_BT.to(device),
    )
