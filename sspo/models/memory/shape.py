"""The sizes of a model that memory depends on: its weights, layers and widths."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sspo.models.description import read_described
from sspo.models.memory.headers import Header, read_headers
from sspo.models.positions import NESTED, limit_of

LAYERS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")
HIDDEN = ("hidden_size", "n_embd", "d_model")
HEADS = ("num_attention_heads", "n_head", "n_heads")
KV_HEADS = ("num_key_value_heads", "num_kv_heads")
HEAD_DIM = ("head_dim",)
INTERMEDIATE = ("intermediate_size", "n_inner", "ffn_dim", "ffn_hidden_size")
VOCABULARY = ("vocab_size",)
"""Names in config.json, by architecture."""
TIMES_HIDDEN = {"gpt2": 4, "gptj": 4, "bloom": 4, "mpt": 4, "gpt_neo": 4}
"""Model types whose inner width is a multiple of the hidden width if config.json names none."""
BUFFER = re.compile(r"(^|\.)(rotary_emb\.inv_freq|masked_bias)$|\.attn\.bias$|\.attention\.bias$")
"""Names of tables that older folders store beside the weights; of those that end in `bias`, only squares are tables."""
HEAD = re.compile(r"(^|\.)(lm_head|embed_out|output_projection)\.weight$")
GATE = re.compile(r"gate")
SQUARE = 4
"""Dimensions of a table of which tokens are visible to which."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Sizes of a causal language model."""

    parameters: int
    """Number of trained numbers if all weights are trained; a tied head counts once."""
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate: int
    vocabulary: int
    gated: bool = True
    """True if the inner layer has a gate beside it, as in SwiGLU."""
    positions: int | None = None
    """Tokens of prompt and response together; None if config.json names no limit."""

    @property
    def attention(self) -> int:
        """Return the width of all heads."""
        return self.heads * self.head_dim

    @property
    def kv(self) -> int:
        """Return the width of all key heads, which equals that of all value heads."""
        return self.kv_heads * self.head_dim

    @property
    def cached(self) -> int:
        """Return how many numbers a cache holds per token: the keys and values of all layers."""
        return 2 * self.layers * self.kv


@dataclass(frozen=True, kw_only=True)
class NoShape:
    """config.json does not name enough sizes."""

    lacks: tuple[str, ...]
    """The missing sizes, in words."""


def read_shape(path: str, folder: Path) -> Shape | NoShape:
    """Return the shape of the model in a folder. Raises UserError for a damaged file."""
    return shape_of(read_described(path, folder / "config.json"), read_headers(path, folder))


def shape_of(described: Mapping[str, Any], headers: Mapping[str, Header]) -> Shape | NoShape:
    """Return the shape given by a config.json and the headers of its weights."""
    parts = (described, *(described[name] for name in NESTED if isinstance(described.get(name), dict)))
    found = {
        "layers": _named(parts, LAYERS),
        "hidden size": _named(parts, HIDDEN),
        "attention heads": _named(parts, HEADS),
        "intermediate size": _named(parts, INTERMEDIATE) or _multiple(parts),
        "vocabulary": _named(parts, VOCABULARY),
    }
    lacks = tuple(what for what, size in found.items() if size is None)
    if lacks:
        return NoShape(lacks=lacks)
    layers, hidden, heads, intermediate, vocabulary = (size or 0 for size in found.values())
    return Shape(
        parameters=_count(parts, headers),
        layers=layers,
        hidden=hidden,
        heads=heads,
        kv_heads=_named(parts, KV_HEADS) or heads,
        head_dim=_named(parts, HEAD_DIM) or hidden // heads,
        intermediate=intermediate,
        vocabulary=vocabulary,
        gated=any(GATE.search(name) for name in headers),
        positions=limit_of(described),
    )


def _named(parts: tuple[Mapping[str, Any], ...], names: tuple[str, ...]) -> int | None:
    for part in parts:
        for name in names:
            size = part.get(name)
            if isinstance(size, int) and not isinstance(size, bool) and size > 0:
                return size
    return None


def _multiple(parts: tuple[Mapping[str, Any], ...]) -> int | None:
    hidden = _named(parts, HIDDEN)
    times = next(
        (TIMES_HIDDEN[kind] for part in parts if (kind := str(part.get("model_type"))) in TIMES_HIDDEN), 0
    )
    return hidden * times if hidden and times else None


def _count(parts: tuple[Mapping[str, Any], ...], headers: Mapping[str, Header]) -> int:
    tied = any(part.get("tie_word_embeddings") is True for part in parts)
    return sum(
        header.count
        for name, header in headers.items()
        if not _is_buffer(name, header) and not (tied and HEAD.search(name))
    )


def _is_buffer(name: str, header: Header) -> bool:
    found = BUFFER.search(name) is not None
    return found and (len(header.shape) in (0, SQUARE) or not name.endswith(".bias"))
