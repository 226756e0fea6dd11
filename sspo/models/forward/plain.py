"""transformers' own forward pass, with the logits of all response tokens at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

import torch

from sspo.models.device import autocast
from sspo.models.forward.rows import whole_rows
from sspo.types import Batch

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class PlainForward:
    """The plain forward pass. See Forward."""

    paths: Mapping[str, str] = MappingProxyType({"forward": "plain", "logits": "full"})

    def __init__(self, model: PreTrainedModel, precision: str, remarks: Sequence[str] = ()):
        """Wrap a model: `precision` is a policy's; `remarks` are the reasons that this pass replaces the requested one."""
        self.model = model
        self.precision = precision
        self.remarks = remarks

    def token_logp(self, part: Batch, temperature: float) -> torch.Tensor:
        """See Forward. Skips the memory of entropies."""
        return _of_tokens(self._log_softmax(part, temperature), part)

    def token_logp_entropy(self, part: Batch, temperature: float) -> tuple[torch.Tensor, torch.Tensor]:
        """See Forward."""
        log_softmax_BTV = self._log_softmax(part, temperature)
        entropy_BT = torch.special.entr(log_softmax_BTV.exp()).sum(-1)
        return _of_tokens(log_softmax_BTV, part), entropy_BT

    def _log_softmax(self, part: Batch, temperature: float) -> torch.Tensor:
        wanted = part.response_BT.shape[1] + 1
        with autocast(part.response_BT.device, self.precision):
            logits = self.model(**whole_rows(part), logits_to_keep=wanted).logits[
                :, -wanted:
            ]  # some architectures return all of them
        log_softmax_BTV: torch.Tensor = (logits[:, :-1].float() / temperature).log_softmax(-1)
        return log_softmax_BTV


def _of_tokens(log_softmax_BTV: torch.Tensor, part: Batch) -> torch.Tensor:
    return log_softmax_BTV.gather(-1, part.response_BT[..., None]).squeeze(-1)
