"""Decoding of architectures supported by sspo/models/lean: few and large steps over keys and values that stay in place.

transformers reads the prompts. After that a token goes only through matrix products: small ones of one input are
joined, and no step copies the past. Weights are those at the start of a batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional
from transformers import DynamicCache

from sspo.models.device import autocast
from sspo.models.lean.layout import Layout, merged
from sspo.models.lean.pieces import turned

if TYPE_CHECKING:
    from transformers import PreTrainedModel

ROOM = 64
"""Initial space, in tokens, beyond the prompt, and the least amount that it grows by."""
GROWTH = 1.5
SMALL = 1 << 19
"""Weights up to this size are joined into one matrix product for the few rows of a step; for larger ones the copy costs
more than it saves.
"""
Linear = tuple[torch.Tensor, torch.Tensor | None]


@dataclass(frozen=True, kw_only=True)
class _Layer:
    """The weights of a layer as a step uses them; linear layers of one input are joined if that is worth it."""

    norm_H: torch.Tensor
    qkv: Sequence[Linear]
    head_norms: tuple[torch.Tensor, torch.Tensor] | None
    """Norms of queries and keys, if the architecture has them."""
    out: Linear
    block_norm_H: torch.Tensor
    gate_up: Sequence[Linear]
    down: Linear
    scale: float
    """Scale of the products of queries and keys."""


class LeanDecoder:
    """The lean decoder. See Decoder."""

    def __init__(self, model: PreTrainedModel, layout: Layout, precision: str):
        """Prepare the weights; `precision` is a policy's."""
        self.model = model
        self.layout = layout
        self.precision = precision
        self.dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
        self.layers = [_layer(layer, self.dtype) for layer in layout.layers]
        self.head = _joined([model.get_output_embeddings()], self.dtype)
        self.keys: list[torch.Tensor] = []
        """One tensor per layer: (rows, shared heads, room, head size)."""
        self.values: list[torch.Tensor] = []
        self.length = 0
        """Tokens of each row so far, including padding."""
        self.most = 0
        self.padding_bL: torch.Tensor | None = None
        """0 on tokens and -inf on padding, (rows * shared heads, 1, length); None if nothing is padded."""
        self.position_b = torch.empty(0)
        self.rotation_PD = torch.empty(0), torch.empty(0)
        """cos and sin of every position."""

    def begin(
        self, prompt_PL: torch.Tensor, prompt_mask_PL: torch.Tensor, responses: int, max_tokens: int
    ) -> torch.Tensor:
        """See Decoder. transformers runs each prompt once."""
        cache = DynamicCache(config=self.model.config)
        position_PL = (prompt_mask_PL.cumsum(1) - 1).clamp(min=0)
        with autocast(prompt_PL.device, self.precision):
            logits_P1V = self.model(
                input_ids=prompt_PL,
                attention_mask=prompt_mask_PL.long(),
                position_ids=position_PL,
                use_cache=True,
                logits_to_keep=1,
                past_key_values=cache,
            ).logits
        self.length = prompt_PL.shape[1]
        self.most = self.length + max_tokens
        self.keys = [self._roomy(layer.keys, responses) for layer in cache.layers]
        self.values = [self._roomy(layer.values, responses) for layer in cache.layers]
        self.position_b = position_PL[:, -1].repeat_interleave(responses)
        every_P = torch.arange(self.most, device=prompt_PL.device)
        self.rotation_PD = self.layout.rotation(every_P, torch.empty(0, device=prompt_PL.device))
        if not bool(prompt_mask_PL.all()):
            rows = responses * self.layout.shared_heads
            padded_PL = torch.zeros(prompt_mask_PL.shape, device=prompt_PL.device)
            padded_PL = padded_PL.masked_fill_(~prompt_mask_PL, float("-inf"))
            padded_bL = functional.pad(padded_PL, (0, max_tokens)).repeat_interleave(rows, 0)
            self.padding_bL = padded_bL[:, None].to(self.dtype)
        logits_PV: torch.Tensor = logits_P1V[:, -1].float()
        return logits_PV.repeat_interleave(responses, 0)

    def step(self, token_b: torch.Tensor) -> torch.Tensor:
        """See Decoder."""
        self._make_room()
        self.position_b = self.position_b + 1
        cos_b1D, sin_b1D = (table_PD[self.position_b][:, None] for table_PD in self.rotation_PD)
        x_bH = self.layout.embedding(token_b).float()
        for number, layer in enumerate(self.layers):
            seen_bH = self._attended(number, layer, self._normed(x_bH, layer.norm_H), (cos_b1D, sin_b1D))
            x_bH = _added(x_bH, seen_bH, layer.out)
            gate_up_bF = _products(self._normed(x_bH, layer.block_norm_H), layer.gate_up)
            gate_bF, up_bF = gate_up_bF.chunk(2, -1)
            x_bH = _added(x_bH, functional.silu(gate_bF) * up_bF, layer.down)
        self.length += 1
        return _products(self._normed(x_bH, self.layout.norm.weight), self.head).float()

    def keep(self, index_b: torch.Tensor) -> None:
        """See Decoder."""
        self.keys = [x.index_select(0, index_b) for x in self.keys]
        self.values = [x.index_select(0, index_b) for x in self.values]
        self.position_b = self.position_b[index_b]
        if self.padding_bL is not None:
            by_row = self.padding_bL.unflatten(0, (-1, self.layout.shared_heads))
            self.padding_bL = by_row[index_b].flatten(0, 1)

    def _attended(
        self,
        number: int,
        layer: _Layer,
        x_bH: torch.Tensor,
        rotation: tuple[torch.Tensor, torch.Tensor],
    ) -> torch.Tensor:
        """Return the attention output of each row's new token, all heads side by side, and store its key and value."""
        layout, rows, end = self.layout, len(x_bH), self.length + 1
        turning = layout.heads + layout.shared_heads
        qkv_bhD = _products(x_bH, layer.qkv).view(rows, -1, layout.head_size)
        qk_bhD, v_bhD = qkv_bhD[:, :turning], qkv_bhD[:, turning:]
        if layer.head_norms is not None:
            parts = qk_bhD.split([layout.heads, layout.shared_heads], 1)
            qk_bhD = torch.cat([self._normed(x, w) for x, w in zip(parts, layer.head_norms, strict=True)], 1)
        qk_bhD = turned(qk_bhD, *rotation).to(self.dtype)
        self.keys[number][:, :, self.length] = qk_bhD[:, layout.heads :]
        self.values[number][:, :, self.length] = v_bhD
        k_sLD, v_sLD = (x[number].flatten(0, 1)[:, :end] for x in (self.keys, self.values))
        q_sGD = qk_bhD[:, : layout.heads].reshape(len(k_sLD), -1, layout.head_size)
        bias = q_sGD.new_zeros(1, 1, 1) if self.padding_bL is None else self.padding_bL[..., :end]
        score_sGL = torch.baddbmm(bias, q_sGD, k_sLD.transpose(1, 2), alpha=layer.scale)
        share_sGL = score_sGL.float().softmax(-1).to(self.dtype)
        return torch.bmm(share_sGL, v_sLD).view(rows, -1)

    def _normed(self, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return functional.rms_norm(x.float(), weight.shape, weight.float(), self.layout.eps).to(self.dtype)

    def _roomy(self, x_PhLD: torch.Tensor, responses: int) -> torch.Tensor:
        """Return keys or values of the prompts for each of their responses, with space for future tokens."""
        return self._with_room(
            x_PhLD.to(self.dtype).repeat_interleave(responses, 0), min(self.most, self.length + ROOM)
        )

    def _make_room(self) -> None:
        """Make space for one more token."""
        room = self.keys[0].shape[2]
        if self.length < room:
            return
        room = min(self.most, max(room + ROOM, int(room * GROWTH)))
        self.keys = [self._with_room(x, room) for x in self.keys]
        self.values = [self._with_room(x, room) for x in self.values]

    def _with_room(self, x_bhLD: torch.Tensor, room: int) -> torch.Tensor:
        roomy = x_bhLD.new_empty(*x_bhLD.shape[:2], room, x_bhLD.shape[3])
        roomy[:, :, : x_bhLD.shape[2]] = x_bhLD
        return roomy


def _layer(layer: Any, dtype: torch.dtype) -> _Layer:
    attention, block = layer.self_attn, layer.mlp
    norms = (attention.q_norm.weight, attention.k_norm.weight) if hasattr(attention, "q_norm") else None
    return _Layer(
        norm_H=layer.input_layernorm.weight,
        qkv=_joined((attention.q_proj, attention.k_proj, attention.v_proj), dtype),
        head_norms=norms,
        out=_joined((attention.o_proj,), dtype)[0],
        block_norm_H=layer.post_attention_layernorm.weight,
        gate_up=_joined((block.gate_proj, block.up_proj), dtype),
        down=_joined((block.down_proj,), dtype)[0],
        scale=attention.scaling,
    )


def _joined(linears: Sequence[Any], dtype: torch.dtype) -> Sequence[Linear]:
    """Return weights and biases of linear layers of one input, joined if that is worth the copy."""
    found = [merged(linear) for linear in linears]
    cast = [(weight.to(dtype), None if bias is None else bias.to(dtype)) for weight, bias in found]
    if len(cast) == 1 or sum(weight.numel() for weight, _ in cast) > SMALL:
        return cast
    biases = [bias for _, bias in cast if bias is not None]
    return [(torch.cat([weight for weight, _ in cast]), torch.cat(biases) if biases else None)]


def _added(x_bH: torch.Tensor, y_bF: torch.Tensor, linear: Linear) -> torch.Tensor:
    """Return x with a linear layer's output added to it."""
    weight, bias = linear
    if bias is None and weight.dtype == x_bH.dtype:
        return torch.addmm(x_bH, y_bF, weight.t())
    return x_bH + functional.linear(y_bF, weight, bias)


def _products(x_bH: torch.Tensor, linears: Sequence[Linear]) -> torch.Tensor:
    """Return the outputs side by side."""
    parts = [functional.linear(x_bH, *linear) for linear in linears]
    return parts[0] if len(parts) == 1 else torch.cat(parts, -1)
