"""Hidden states of a decoder (transformers' own or the lean one) and a head that is chunked over the vocabulary."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import torch

from sspo.models.device import autocast
from sspo.models.forward import chunked
from sspo.models.forward.head import Head
from sspo.models.forward.rows import looked_from, whole_rows
from sspo.models.lean.layout import Layout
from sspo.models.lean.rows import hidden_states, packed
from sspo.types import Batch

if TYPE_CHECKING:
    from transformers import PreTrainedModel

States = Callable[[Batch], torch.Tensor]
"""Rows -> last hidden states (N, H) that their response tokens are predicted from, in the order of the mask."""


def own_states(model: PreTrainedModel) -> States:
    """Return the states of transformers' own layers."""

    def states(part: Batch) -> torch.Tensor:
        hidden = model.base_model(**whole_rows(part)).last_hidden_state
        at_N = looked_from(part.mask_BT, part.prompt_BL.shape[1])
        found: torch.Tensor = hidden.flatten(0, 1).index_select(0, at_N)
        return found

    return states


def lean_states(layout: Layout, *, checkpointed: bool) -> States:
    """Return the states of the lean layers; `checkpointed` keeps only a layer's input for the backward pass."""
    return lambda part: hidden_states(layout, packed(part), checkpointed=checkpointed)


class HeadedForward:
    """A forward pass with a separate head. See Forward. Off the mask all results are 0."""

    def __init__(
        self,
        states: States,
        head: Head,
        precision: str,
        paths: Mapping[str, str],
        *,
        chunk: int | None = None,
    ):
        """Combine states and head: `head` is the model's; `precision` a policy's; `chunk` as in `chunked.token_logp`."""
        self.states = states
        self.head = head
        self.precision = precision
        self.paths = paths
        self.chunk = chunk
        self.remarks: Sequence[str] = ()

    def token_logp(self, part: Batch, temperature: float) -> torch.Tensor:
        """See Forward."""
        with autocast(part.mask_BT.device, self.precision):
            token_N = part.response_BT[part.mask_BT]
            logp_N = chunked.token_logp(self.states(part), self.head, token_N, temperature, self.chunk)
        return _placed(logp_N, part.mask_BT)

    def token_logp_entropy(self, part: Batch, temperature: float) -> tuple[torch.Tensor, torch.Tensor]:
        """See Forward."""
        with autocast(part.mask_BT.device, self.precision):
            token_N = part.response_BT[part.mask_BT]
            logp_N, entropy_N = chunked.token_logp_entropy(
                self.states(part), self.head, token_N, temperature, self.chunk
            )
        return _placed(logp_N, part.mask_BT), _placed(entropy_N, part.mask_BT)


def _placed(value_N: torch.Tensor, mask_BT: torch.Tensor) -> torch.Tensor:
    """Return the response tokens' values at their positions."""
    return value_N.new_zeros(mask_BT.shape).masked_scatter(mask_BT, value_N)
