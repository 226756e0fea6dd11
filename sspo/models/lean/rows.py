"""Whole rows through a supported decoder without padding: linear layers process only real tokens, and attention rows of
similar lengths.

Rows are concatenated, each from its first token on, so that attention needs no mask but the causal one. The last token
of a row is left out, because nothing follows it, and the last layer computes only the positions that predict response
tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from sspo.models.lean.layout import Layout
from sspo.models.lean.pieces import gated, rms_norm, rotate, spread, taken
from sspo.types import Batch

SHORTER = 0.8
"""A row shorter than this share of the longest of a group starts a new group."""


@dataclass(frozen=True, kw_only=True)
class Packed:
    """The rows of a micro-batch without padding, N tokens in all."""

    ids_N: torch.Tensor
    position_N: torch.Tensor
    place_N: torch.Tensor
    """Position of each token in attention: groups one after the other, each with all of its rows as long as its
    longest.
    """
    groups: Sequence[tuple[int, int]]
    """(rows, length) of each group."""
    read_n: torch.Tensor
    """Indices of the tokens that predict response tokens, in the order of the batch's mask."""


def packed(part: Batch) -> Packed:
    """Return rows of prompt and response, the last token of each left out."""
    ids = torch.cat([part.prompt_BL, part.response_BT], 1)
    there = torch.cat([part.prompt_mask_BL, part.mask_BT], 1)
    position = there.cumsum(1) - 1
    length_B, prompt_B = there.sum(1) - 1, part.prompt_mask_BL.sum(1)
    there = there & (position < length_B[:, None])
    row_N = there.nonzero()[:, 0]
    position_N = position[there]
    start_B, groups = _groups(length_B)
    return Packed(
        ids_N=ids[there],
        position_N=position_N,
        place_N=start_B[row_N] + position_N,
        groups=groups,
        read_n=(position_N + 1 >= prompt_B[row_N]).nonzero()[:, 0],
    )


def _groups(length_B: torch.Tensor) -> tuple[torch.Tensor, list[tuple[int, int]]]:
    """Return where each row begins, and (rows, length) of groups of similar lengths, the longest first."""
    order, lengths = length_B.argsort(descending=True).tolist(), length_B.tolist()
    starts, groups, at = [0] * len(lengths), [], 0
    while order:
        longest = lengths[order[0]]
        rows = sum(lengths[row] >= SHORTER * longest for row in order)
        for row in order[:rows]:
            starts[row] = at
            at += longest
        groups.append((rows, longest))
        order = order[rows:]
    return torch.tensor(starts, device=length_B.device), groups


def hidden_states(layout: Layout, rows: Packed, *, checkpointed: bool) -> torch.Tensor:
    """Return hidden_nH after the last norm, at the tokens that predict response tokens, in the order of the batch's
    mask.

    `checkpointed` keeps only a layer's input and runs the layer again in the backward pass.
    """
    x_NH = layout.embedding(rows.ids_N)
    cos_ND, sin_ND = layout.rotation(rows.position_N, x_NH)
    rotation = cos_ND[:, None], sin_ND[:, None]
    last = len(layout.layers) - 1
    for number, layer in enumerate(layout.layers):
        read_n = rows.read_n if number == last else None
        if checkpointed and torch.is_grad_enabled():
            x_NH = checkpoint(_layer, layout, layer, x_NH, rows, rotation, read_n, use_reentrant=False)
        else:
            x_NH = _layer(layout, layer, x_NH, rows, rotation, read_n)
    return rms_norm(x_NH, layout.norm.weight, layout.eps)


def _layer(
    layout: Layout,
    layer: Any,
    x_NH: torch.Tensor,
    rows: Packed,
    rotation: tuple[torch.Tensor, torch.Tensor],
    read_n: torch.Tensor | None,
) -> torch.Tensor:
    """Return a layer's output; only for the tokens `read_n` if given."""
    attention, block = layer.self_attn, layer.mlp
    normed_NH = rms_norm(x_NH, layer.input_layernorm.weight, layout.eps)
    projected = attention.q_proj(normed_NH), attention.k_proj(normed_NH), attention.v_proj(normed_NH)
    seen_NH = _attended(layout, attention, projected, rows, rotation, read_n)
    x_NH = (x_NH if read_n is None else taken(x_NH, read_n)) + attention.o_proj(seen_NH)
    normed_NH = rms_norm(x_NH, layer.post_attention_layernorm.weight, layout.eps)
    inner_NF = gated(block.gate_proj(normed_NH), block.up_proj(normed_NH))
    out: torch.Tensor = x_NH + block.down_proj(inner_NF)
    return out


def _attended(
    layout: Layout,
    attention: Any,
    projected: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
    rows: Packed,
    rotation: tuple[torch.Tensor, torch.Tensor],
    read_n: torch.Tensor | None,
) -> torch.Tensor:
    """Return the attention output of each token over its row up to itself, all heads side by side."""
    q, k, v = (x.unflatten(-1, (-1, layout.head_size)) for x in projected)
    if hasattr(attention, "q_norm"):
        q = rms_norm(q, attention.q_norm.weight, layout.eps)
        k = rms_norm(k, attention.k_norm.weight, layout.eps)
    sizes = [count * length for count, length in rows.groups]
    q, k, v = (spread(x, rows.place_N, sum(sizes)) for x in (rotate(q, *rotation), rotate(k, *rotation), v))
    seen = []
    for shape, *group in zip(rows.groups, q.split(sizes), k.split(sizes), v.split(sizes), strict=True):
        q, k, v = (x.unflatten(0, shape).transpose(1, 2) for x in group)
        out = functional.scaled_dot_product_attention(
            q,
            k,
            v,
            is_causal=True,
            scale=attention.scaling,
            enable_gqa=layout.heads != layout.shared_heads,
        )
        seen.append(out.transpose(1, 2).flatten(0, 1))
    return taken(torch.cat(seen).flatten(1), rows.place_N if read_n is None else rows.place_N[read_n])
