"""transformers' own forward pass, with the logits of all response tokens at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from sspo.models.device import autocast
from sspo.types import Batch

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class PlainForward:
    """See Forward."""

    def __init__(self, model: PreTrainedModel, precision: str):
        """`precision` is a policy's."""
        self.model = model
        self.precision = precision

    def token_logp(self, part: Batch, temperature: float) -> torch.Tensor:
        """See Forward; without the memory that entropies take."""
        return _of_tokens(self._log_softmax(part, temperature), part)

    def token_logp_entropy(self, part: Batch, temperature: float) -> tuple[torch.Tensor, torch.Tensor]:
        """See Forward."""
        log_softmax_BTV = self._log_softmax(part, temperature)
        entropy_BT = torch.special.entr(log_softmax_BTV.exp()).sum(-1)
        return _of_tokens(log_softmax_BTV, part), entropy_BT

    def _log_softmax(self, part: Batch, temperature: float) -> torch.Tensor:
        ids = torch.cat([part.prompt_BL, part.response_BT], 1)
        attention = torch.cat([part.prompt_mask_BL, part.mask_BT], 1)
        position = (attention.cumsum(1) - 1).clamp(min=0)
        wanted = part.response_BT.shape[1] + 1
        with autocast(ids.device, self.precision):
            logits = self.model(
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
