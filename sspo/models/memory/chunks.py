"""The width of the vocabulary chunks of trainer.logits=chunked; without torch, because the estimate uses it too."""

from __future__ import annotations

CHUNK_BYTES = {"cpu": 2**23, "cuda": 2**28}
"""Bytes of the logits of a chunk. On a CPU 4 and 8 MiB are equally fast, 16 a sixth slower, 64 a quarter; 256 on CUDA
is a guess, not measured.
"""
LEAST_COLUMNS = 256
"""Narrower chunks make matrix products slow."""


def chunk_columns(tokens: int, device: str) -> int:
    """Return the number of vocabulary columns whose logits exist at once for a number of tokens."""
    fit = CHUNK_BYTES.get(device, CHUNK_BYTES["cpu"]) // (4 * max(tokens, 1))
    return max(LEAST_COLUMNS, fit)
