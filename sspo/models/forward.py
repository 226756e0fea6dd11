"""Logits -> log-probabilities and entropies of response tokens, in micro-batches of a token budget."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch

from sspo.models.device import autocast
from sspo.types import Batch

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def token_logp_entropy(
    model: PreTrainedModel, part: Batch, temperature: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """logp_BT of the response tokens and entropy_BT of the distributions they came from (nats), at `temperature`.

    Off the mask both are finite and meaningless.
    """
    log_softmax_BTV = _log_softmax(model, part, temperature)
    entropy_BT = torch.special.entr(log_softmax_BTV.exp()).sum(-1)
    return _of_tokens(log_softmax_BTV, part), entropy_BT


def token_logp(model: PreTrainedModel, part: Batch, temperature: float) -> torch.Tensor:
    """logp_BT alone, without the memory that entropies take."""
    return _of_tokens(_log_softmax(model, part, temperature), part)


def _log_softmax(model: PreTrainedModel, part: Batch, temperature: float) -> torch.Tensor:
    ids = torch.cat([part.prompt_BL, part.response_BT], 1)
    attention = torch.cat([part.prompt_mask_BL, part.mask_BT], 1)
    position = (attention.cumsum(1) - 1).clamp(min=0)
    wanted = part.response_BT.shape[1] + 1
    with autocast(ids.device):
        logits = model(
            input_ids=ids,
            attention_mask=attention.long(),
            position_ids=position,
            logits_to_keep=wanted,
            use_cache=False,
        ).logits[:, -wanted:]  # some architectures give them all
    log_softmax_BTV: torch.Tensor = (logits[:, :-1].float() / temperature).log_softmax(-1)
    return log_softmax_BTV


def _of_tokens(log_softmax_BTV: torch.Tensor, part: Batch) -> torch.Tensor:
    return log_softmax_BTV.gather(-1, part.response_BT[..., None]).squeeze(-1)


def micro_batches(batch: Batch, index_b: torch.Tensor, budget: int) -> Iterator[tuple[torch.Tensor, Batch]]:
    """The rows of `index_b` in parts of at most `budget` padded tokens (one row at least), longest first.

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
