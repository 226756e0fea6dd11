"""Token ids of words, shared by the modules of this package."""

import torch

MARKS = ("", "Ġ", "▁")
"""Word-level, byte-level and sentence-piece vocabularies write a word in these ways."""


def ids_of(tokenizer, *words: str) -> torch.Tensor:
    """The ids of those words that the vocabulary has as one piece."""
    vocabulary = tokenizer.get_vocab()
    pieces = (mark + word for word in words for mark in MARKS)
    return torch.tensor([vocabulary[piece] for piece in pieces if piece in vocabulary])
