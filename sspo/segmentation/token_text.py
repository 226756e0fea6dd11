"""What each token of a response adds to its text, for people to read."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sspo.segmentation.vocabulary import vocabulary_of

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def token_texts(ids: Sequence[int], tokenizer: PreTrainedTokenizerBase) -> list[str]:
    """One text a token; joined they are the response, special tokens by their names.

    Decoding token by token would lose spaces (word-level and sentence-piece vocabularies) and characters that several
    tokens spell: such a character stands at the token that completes it, and U+FFFD where nothing completes it.
    """
    pieces_V = vocabulary_of(tokenizer).pieces_V
    special = set(tokenizer.all_special_ids)
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    texts = []
    for i in ids:
        if i in special:
            texts.append(decoder.decode(b"", final=True) + tokenizer.decode([i]))
        else:
            texts.append(decoder.decode(pieces_V[min(i, len(pieces_V) - 1)]))
    if texts:
        texts[-1] += decoder.decode(b"", final=True)
    return texts
