"""Gradient checkpointing: only a layer's input is kept, and the layer runs again in the backward pass. Same bits, less
memory.
"""

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
"""Part of the names of a layer's dropout attributes."""


class CheckpointedForward:
    """A wrapped forward pass over layers that run again. See Forward."""

    def __init__(self, forward: Forward, model: PreTrainedModel):
        """Wrap a forward pass. Raises UserError for an architecture whose layers cannot run again."""
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
    # reentrant checkpoints would lose the gradient of layers whose input has none; no randomness needs to be repeated
    again = functools.partial(checkpoint, use_reentrant=False, preserve_rng_state=False)
    for layer in layers:
        layer.gradient_checkpointing, layer._gradient_checkpointing_func = True, again
        for name, value in vars(layer).items():
            if DROPPED in name and isinstance(value, float):
                setattr(
                    layer, name, 0.0
                )  # dropout is inactive, as the model is never in transformers' training mode
    return layers


@contextlib.contextmanager
def _training(layers: list[Any]) -> Iterator[None]:
    """Set `layer.training`, on which transformers makes a layer run again, but not on the parts of a layer.

    Only with a gradient and inside the `with` block, because such a layer does not write into a cache, which a sampler
    needs.
    """
    on = torch.is_grad_enabled()
    for layer in layers:
        layer.training = on
    try:
        yield
    finally:
        for layer in layers:
            layer.training = False
