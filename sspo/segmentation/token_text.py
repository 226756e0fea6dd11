"""The text that each token of a response adds, for people to read."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sspo.segmentation.vocabulary import vocabulary_of

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def token_texts(ids: Sequence[int], tokenizer: PreTrainedTokenizerBase) -> list[str]:
    """Return one text per token; joined they are the response, with special tokens shown by name.

    Decoding token by token would lose spaces (word-level and sentence-piece vocabularies) and characters that span
    several tokens: such a character appears at the token that completes it, and U+FFFD if nothing completes it.
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
