"""transformers' own layers up to the last hidden state, and a head that is chunked over the vocabulary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

import torch

from sspo.models.device import autocast
from sspo.models.forward import chunked
from sspo.models.forward.head import Head
from sspo.models.forward.rows import looked_from, whole_rows
from sspo.types import Batch

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class ChunkedForward:
    """See Forward. Off the mask all that it gives is 0."""

    paths: Mapping[str, str] = MappingProxyType({"logits": "chunked"})
    remarks: Sequence[str] = ()

    def __init__(self, model: PreTrainedModel, head: Head, precision: str):
        """`head` is the model's; `precision` a policy's."""
        self.model = model
        self.head = head
        self.precision = precision

    def token_logp(self, part: Batch, temperature: float) -> torch.Tensor:
        """See Forward."""
        with autocast(part.mask_BT.device, self.precision):
            token_N = part.response_BT[part.mask_BT]
            logp_N = chunked.token_logp(self._hidden(part), self.head, token_N, temperature)
        return _placed(logp_N, part.mask_BT)

    def token_logp_entropy(self, part: Batch, temperature: float) -> tuple[torch.Tensor, torch.Tensor]:
        """See Forward."""
        with autocast(part.mask_BT.device, self.precision):
            token_N = part.response_BT[part.mask_BT]
            found = chunked.token_logp_entropy(self._hidden(part), self.head, token_N, temperature)
        logp_N, entropy_N = found
        return _placed(logp_N, part.mask_BT), _placed(entropy_N, part.mask_BT)

    def _hidden(self, part: Batch) -> torch.Tensor:
        """Last hidden states (N, H) that the response tokens are predicted from."""
        hidden = self.model.base_model(**whole_rows(part)).last_hidden_state
        at_N = looked_from(part.mask_BT, part.prompt_BL.shape[1])
        found: torch.Tensor = hidden.flatten(0, 1).index_select(0, at_N)
        return found


def _placed(value_N: torch.Tensor, mask_BT: torch.Tensor) -> torch.Tensor:
    """The response tokens' values in their places."""
    return value_N.new_zeros(mask_BT.shape).index_put((mask_BT,), value_N)
