"""Model folders of random weights, and their tokenizer."""

from __future__ import annotations

import itertools
import string
from collections.abc import Mapping
from pathlib import Path

from tests.tiny_models import END, fast, letters, save

PIECES = 32_000
SHAPE = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 2048}
LARGER: Mapping[str, int] = {**SHAPE, "num_key_value_heads": 4, "head_dim": 64}
"""Of a model of 110 M parameters with its vocabulary."""
LITTLE: Mapping[str, int] = {
    "hidden_size": 128, "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 32,
    "intermediate_size": 256,
}  # fmt: skip


def worded(folder: Path, pieces: int, kind: str = "qwen2", **shape: object) -> Path:
    """A model whose vocabulary has every byte and `pieces` made-up words, some of which end a clause."""
    heads = ("Ġ", "", *(f"{first}" for first in string.ascii_lowercase))
    tails = ("", ",", ".")
    made = ("".join(parts) for parts in itertools.product(heads, *[string.ascii_lowercase] * 3, tails))
    words = tuple((word, 256 + i) for i, word in enumerate(itertools.islice(made, pieces)))
    return save(folder, kind, fast(letters(END, vocabulary=words)), **shape)
