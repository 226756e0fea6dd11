"""The models that the lean paths support, and the location of their weights.

A decoder of the Llama family: RMS norms before attention and before a gated feed-forward layer, rotary positions,
causal attention over the whole past, heads that may share keys and values. A model with any other feature is not
supported and uses transformers' own forward pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from transformers import PreTrainedModel

KNOWN = ("LlamaForCausalLM", "MistralForCausalLM", "Qwen2ForCausalLM", "Qwen3ForCausalLM")
ROTATIONS = ("default", "linear", "llama3", "yarn")
"""Scalings of rotary positions whose angles do not depend on the length of the row."""
GATE = "silu"


@dataclass(frozen=True, kw_only=True)
class Layout:
    """A decoder whose weights are read in place, so that it is up to date after every step."""

    embedding: Any
    layers: Sequence[Any]
    norm: Any
    rotary: Any
    heads: int
    shared_heads: int
    """Heads of keys and values."""
    head_size: int
    eps: float

    def rotation(self, position_N: torch.Tensor, like: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return cos_ND and sin_ND of the rotation angles of positions; the first half of sin is negated."""
        cos, sin = self.rotary(like, position_N[None])
        half = self.head_size // 2
        return cos[0], torch.cat([-sin[0, :, :half], sin[0, :, half:]], 1)


def layout_of(model: PreTrainedModel) -> Layout | None:
    """Return the layout of a model, or None if it is not supported."""
    if why_unknown(model) is not None:
        return None
    config, decoder = model.config, model.model
    return Layout(
        embedding=decoder.embed_tokens,
        layers=list(decoder.layers),
        norm=decoder.norm,
        rotary=decoder.rotary_emb,
        heads=config.num_attention_heads,
        shared_heads=config.num_key_value_heads,
        head_size=getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads,
        eps=config.rms_norm_eps,
    )


def why_unknown(model: PreTrainedModel) -> str | None:
    """Return what about a model is not supported, in words, or None."""
    config = model.config
    if type(model).__name__ not in KNOWN:
        return f"architecture {config.model_type} is not one of {', '.join(name.removesuffix('ForCausalLM') for name in KNOWN)}"
    windows = getattr(config, "layer_types", None) or []
    if any(kind != "full_attention" for kind in windows) or (
        not windows and getattr(config, "sliding_window", None)
    ):
        return "its attention has a sliding window"
    rotation = (getattr(config, "rope_parameters", None) or {}).get("rope_type", "default")
    if rotation not in ROTATIONS:
        return f"its rotary positions are scaled by '{rotation}'"
    if config.hidden_act != GATE:
        return f"its feed-forward layers have the activation {config.hidden_act}"
    if getattr(config, "quantization_config", None) is not None:
        return "its weights are quantized"
    return None


def merged(linear: Any) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Return weight and bias of a linear layer, with its low-rank adapter added if it has an active one."""
    if not hasattr(linear, "get_delta_weight"):
        return linear.weight, linear.bias
    base, weight = linear.get_base_layer(), linear.get_base_layer().weight
    if not linear.disable_adapters:
        for name in linear.active_adapters:
            weight = weight + linear.get_delta_weight(name)
    return weight, base.bias
