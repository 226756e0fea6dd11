"""The forward pass of updates for architectures that sspo/models/lean knows: without padding, in fewer and larger steps."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

from sspo.models.device import autocast
from sspo.models.lean.layout import Layout
from sspo.models.lean.rows import hidden_states, packed
from sspo.types import Batch


class LeanForward:
    """See Forward. Off the mask all is 0."""

    def __init__(self, layout: Layout, head: Any, precision: str, *, checkpointed: bool = False):
        self.layout = layout
        self.head = head
        self.precision = precision
        self.checkpointed = checkpointed

    def token_logp(self, part: Batch, temperature: float) -> torch.Tensor:
        """See Forward."""
        log_softmax_NV = self._log_softmax(part, temperature)
        return _placed(_of_tokens(log_softmax_NV, part), part)

    def token_logp_entropy(self, part: Batch, temperature: float) -> tuple[torch.Tensor, torch.Tensor]:
        """See Forward."""
        log_softmax_NV = self._log_softmax(part, temperature)
        entropy_N = torch.special.entr(log_softmax_NV.exp()).sum(-1)
        return _placed(_of_tokens(log_softmax_NV, part), part), _placed(entropy_N, part)

    def _log_softmax(self, part: Batch, temperature: float) -> torch.Tensor:
        with autocast(part.response_BT.device, self.precision):
            hidden_NH = hidden_states(self.layout, packed(part), checkpointed=self.checkpointed)
            logits_NV = functional.linear(hidden_NH, self.head.weight, self.head.bias)
        return (logits_NV.float() / temperature).log_softmax(-1)


def _of_tokens(log_softmax_NV: torch.Tensor, part: Batch) -> torch.Tensor:
    return log_softmax_NV.gather(-1, part.response_BT[part.mask_BT][:, None])[:, 0]


def _placed(value_N: torch.Tensor, part: Batch) -> torch.Tensor:
    """Values of the mask's tokens in the batch's shape."""
    return value_N.new_zeros(part.mask_BT.shape).masked_scatter(part.mask_BT, value_N)
