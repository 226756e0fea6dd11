"""Gradient checkpointing: a layer's input is kept, and the layer runs again in the backward pass. The same bits in less memory."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.checkpoint import checkpoint

from sspo.errors import UserError
from sspo.models.forward.contract import Forward
from sspo.types import Batch

if TYPE_CHECKING:
    from transformers import PreTrainedModel

DROPPED = "drop"
"""Part of the name of what a layer drops at random while it trains."""


class CheckpointedForward:
    """See Forward; another one, over layers that run again."""

    def __init__(self, forward: Forward, model: PreTrainedModel):
        """Raises UserError for an architecture whose layers cannot."""
        self.forward = forward
        self.paths, self.remarks = forward.paths, forward.remarks
        self.layers = _made_ready(model)

    def token_logp(self, part: Batch, temperature: float) -> torch.Tensor:
        """See Forward."""
        with _training(self.layers):
            return self.forward.token_logp(part, temperature)

    def token_logp_entropy(self, part: Batch, temperature: float) -> tuple[torch.Tensor, torch.Tensor]:
        """See Forward."""
        with _training(self.layers):
            return self.forward.token_logp_entropy(part, temperature)


def _made_ready(model: PreTrainedModel) -> list[Any]:
    from transformers.modeling_layers import GradientCheckpointingLayer

    layers = [layer for layer in model.modules() if isinstance(layer, GradientCheckpointingLayer)]
    if not layers:
        raise UserError(
            f"trainer.gradient_checkpointing=true: the layers of architecture {model.config.model_type} cannot run again in the "
            "backward pass; set it to false"
        )
    # reentrant checkpoints would lose the gradient of layers whose input has none; there is no randomness to repeat
    again = functools.partial(checkpoint, use_reentrant=False, preserve_rng_state=False)
    for layer in layers:
        layer.gradient_checkpointing, layer._gradient_checkpointing_func = True, again
        for name, value in vars(layer).items():
            if DROPPED in name and isinstance(value, float):
                setattr(
                    layer, name, 0.0
                )  # dropped nothing so far, as the model never trains in transformers' sense
    return layers


@contextlib.contextmanager
def _training(layers: list[Any]) -> Iterator[None]:
    """transformers runs a layer again only where `layer.training`; the parts of a layer must not know of it.

    Only with a gradient and inside the `with` block, as such a layer writes into no cache, and a sampler needs one.
    """
    on = torch.is_grad_enabled()
    for layer in layers:
        layer.training = on
    try:
        yield
    finally:
        for layer in layers:
            layer.training = False
