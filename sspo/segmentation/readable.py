"""A check that text read from a vocabulary's pieces is the text that its tokenizer decodes, made before any text is
cut.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sspo.errors import UserError
from sspo.segmentation.vocabulary import Vocabulary, vocabulary_of

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

CHECKED = 4_000
"""Approximate number of pieces that are decoded."""
_CHECKED: weakref.WeakSet[PreTrainedTokenizerBase] = weakref.WeakSet()


def readable_vocabulary(tokenizer: PreTrainedTokenizerBase) -> Vocabulary:
    """Return the tables of a tokenizer. Raises UserError if its pieces do not join to the text that it decodes.

    All added tokens are checked, and a few thousand of the others: a reading error affects a whole kind of piece.
    """
    vocabulary = vocabulary_of(tokenizer)
    if tokenizer not in _CHECKED:
        _check(tokenizer, vocabulary.pieces_V[:-1])
        _CHECKED.add(tokenizer)
    return vocabulary


def _check(tokenizer: PreTrainedTokenizerBase, pieces: Sequence[bytes]) -> None:
    present = [i for i, piece in enumerate(pieces) if piece and _is_text(piece)]
    added = set(getattr(tokenizer, "added_tokens_decoder", ()))
    step = len(present) // CHECKED + 1
    ids = [i for n, i in enumerate(present) if n % step == 0 or i in added]
    if not _join(tokenizer, pieces, ids):
        wrong = next((i for i in ids if not _join(tokenizer, pieces, [i])), None)
        where = (
            ""
            if wrong is None
            else f" (token {wrong} is read as '{pieces[wrong].decode()}' and decoded as '{_decoded(tokenizer, [wrong])}')"
        )
        raise UserError(
            f"this tokenizer's pieces do not join to the text that it decodes{where}, so rules that read text would cut in the "
            "wrong places: use segmentation=token, response or fixed, or another tokenizer"
        )


def _join(tokenizer: PreTrainedTokenizerBase, pieces: Sequence[bytes], ids: list[int]) -> bool:
    """Return whether the pieces join to the decoded text; some decoders omit a first space."""
    return b"".join(pieces[i] for i in ids).decode().lstrip(" ") == _decoded(tokenizer, ids).lstrip(" ")


def _decoded(tokenizer: PreTrainedTokenizerBase, ids: list[int]) -> str:
    text: str = tokenizer.decode(ids, clean_up_tokenization_spaces=False)
    return text


def _is_text(piece: bytes) -> bool:
    """Return whether a piece consists of whole characters."""
    return "\ufffd" not in piece.decode(errors="replace")
