"""A model's computation between its last hidden state and its logits, derived from its layers and its configuration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from transformers import PreTrainedModel

CAPS = ("final_logit_softcapping",)
"""Options of an architecture that cap the logits (Gemma 2 and later)."""
FACTORS = ("logit_scale", "lm_head_multiplier")
"""Options that multiply them (Cohere, Falcon-H1)."""
DIVISORS = ("logits_scaling",)
"""Options that divide them (Granite)."""


@dataclass(frozen=True, kw_only=True)
class Head:
    """logits = scale * (hidden @ weight.T + bias), with a soft cap softcap * tanh(logits / softcap)."""

    weight_VH: torch.Tensor
    """The parameter itself, which a tied head shares with the embedding."""
    bias_V: torch.Tensor | None = None
    scale: float = 1.0
    softcap: float | None = None

    @property
    def frozen(self) -> bool:
        """Return whether no part of it is trained."""
        bias = self.bias_V is not None and self.bias_V.requires_grad
        return not (self.weight_VH.requires_grad or bias)


def head_of(model: PreTrainedModel) -> Head | None:
    """Return the head of a model, or None if it is not a plain linear layer, such as one with an adapter.

    Options under unknown names are not detected here: sspo/models/forward/proof.py compares before anything is trained.
    """
    layer = model.get_output_embeddings()
    if type(layer) is not torch.nn.Linear:
        return None
    options = model.config.get_text_config()
    scale = 1.0
    for name in FACTORS:
        scale *= _number(options, name) or 1.0
    for name in DIVISORS:
        scale /= _number(options, name) or 1.0
    caps = [cap for name in CAPS if (cap := _number(options, name)) is not None]
    return Head(weight_VH=layer.weight, bias_V=layer.bias, scale=scale, softcap=caps[0] if caps else None)


def _number(options: object, name: str) -> float | None:
    value = getattr(options, name, None)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
