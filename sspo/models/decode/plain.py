"""Decoding with transformers' own forward pass and caches."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import torch
from transformers import DynamicCache

from sspo.models.device import autocast

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class PlainDecoder:
    """The plain decoder. See Decoder.

    The model's record of the past is repeated and selected by `reorder_cache`, which all of transformers' cache layers
    have: attention, convolutions and recurrent states. trainer/probe.py checks that a model keeps its past there.
    """

    def __init__(self, model: PreTrainedModel, precision: str):
        """Prepare decoding; `precision` is a policy's."""
        self.model = model
        self.precision = precision
        self.cache = DynamicCache(config=model.config)
        self.stateful = "cache_params" in inspect.signature(model.forward).parameters
        """True if the model has only states, as Mamba does: they are passed under a different name, and a single token
        continues them whatever the mask is for earlier ones.
        """
        self.mask_bL = torch.empty(0)
        self.position_b = torch.empty(0)

    def begin(
        self, prompt_PL: torch.Tensor, prompt_mask_PL: torch.Tensor, responses: int, max_tokens: int
    ) -> torch.Tensor:
        """See Decoder. Each prompt is run once and its cache repeated for the group."""
        del max_tokens
        position_PL = (prompt_mask_PL.cumsum(1) - 1).clamp(min=0)
        logits_PV = self._forward(prompt_PL, prompt_mask_PL, position_PL)
        rows = torch.arange(len(prompt_PL), device=prompt_PL.device).repeat_interleave(responses)
        self.cache.reorder_cache(rows)
        self.mask_bL = prompt_mask_PL.repeat_interleave(responses, 0)
        self.position_b = position_PL[:, -1].repeat_interleave(responses, 0)
        return logits_PV.repeat_interleave(responses, 0)

    def step(self, token_b: torch.Tensor) -> torch.Tensor:
        """See Decoder."""
        self.mask_bL = torch.cat([self.mask_bL, self.mask_bL.new_ones(len(token_b), 1)], 1)
        self.position_b = self.position_b + 1
        return self._forward(token_b[:, None], self.mask_bL, self.position_b[:, None])

    def keep(self, index_b: torch.Tensor) -> None:
        """See Decoder."""
        self.cache.reorder_cache(index_b)
        self.mask_bL, self.position_b = self.mask_bL[index_b], self.position_b[index_b]

    def _forward(self, ids: torch.Tensor, mask: torch.Tensor, position: torch.Tensor) -> torch.Tensor:
        """Return next-token logits (rows, V) and extend the cache."""
        masked = not self.stateful or ids.shape[1] > 1
        with autocast(ids.device, self.precision):
            out = self.model(
                input_ids=ids,
                attention_mask=mask.long() if masked else None,
                position_ids=position,
                use_cache=True,
                logits_to_keep=1,
                **{"cache_params" if self.stateful else "past_key_values": self.cache},
            )
        logits: torch.Tensor = out.logits
        return logits[:, -1].float()
