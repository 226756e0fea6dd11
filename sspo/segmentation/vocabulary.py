"""The text of every piece of a tokenizer's vocabulary, as bytes and as tables over token ids.

Bytes and not characters: byte-level pieces may begin or end inside a UTF-8 character. The context that rules read
(digits, letters, spaces) is ASCII, so it never straddles two pieces.
"""

from __future__ import annotations

import json
import re
import string
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class Kin(IntEnum):
    """The class of a character next to a delimiter."""

    NONE = 0
    """No character: the response begins or ends here, or a special token is here."""
    SPACE = 1
    DIGIT = 2
    LETTER = 3
    OTHER = 4


SPACES, BLANKS = b" \t\r\n", b" \t\r"
KIN_OF_BYTE = np.full(256, Kin.OTHER, dtype=np.uint8)
for _kin, _members in (
    (Kin.SPACE, SPACES),
    (Kin.DIGIT, string.digits.encode()),
    (Kin.LETTER, string.ascii_letters.encode()),
):
    KIN_OF_BYTE[list(_members)] = _kin

META_SPACE = "▁"
BYTE_PIECE = re.compile(r"<0x([0-9A-F]{2})>")


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """Pieces and tables over token ids, on the CPU; the last row is for ids past the tokenizer's vocabulary."""

    pieces_V: Sequence[bytes]
    """The text of every piece; empty for special tokens."""
    first_V: torch.Tensor
    last_V: torch.Tensor
    """Kin of the first and the last character."""
    special_V: torch.Tensor
    blank_V: torch.Tensor
    """True if the piece consists of spaces and tabs only."""
    bytes_N: torch.Tensor
    """All pieces concatenated: piece v is bytes_N[start_V[v] : start_V[v] + length_V[v]]."""
    start_V: torch.Tensor
    length_V: torch.Tensor


_VOCABULARIES: weakref.WeakKeyDictionary[PreTrainedTokenizerBase, Vocabulary] = weakref.WeakKeyDictionary()


def vocabulary_of(tokenizer: PreTrainedTokenizerBase) -> Vocabulary:
    """Return the tables of a tokenizer, built once."""
    if tokenizer not in _VOCABULARIES:
        _VOCABULARIES[tokenizer] = read_vocabulary(tokenizer)
    return _VOCABULARIES[tokenizer]


def read_vocabulary(tokenizer: PreTrainedTokenizerBase) -> Vocabulary:
    """Read every piece once."""
    pieces = [
        *read_pieces(tokenizer),
        b"",
    ]  # models pad their vocabulary, and may sample ids that no tokenizer produces
    special_V = torch.zeros(len(pieces), dtype=torch.bool)
    special_V[sorted(tokenizer.all_special_ids)] = True
    for i in tokenizer.all_special_ids:
        pieces[i] = b""
    length_V = torch.tensor([len(piece) for piece in pieces])
    return Vocabulary(
        pieces_V=pieces,
        first_V=_kin_table([piece[:1] for piece in pieces]),
        last_V=_kin_table([piece[-1:] for piece in pieces]),
        special_V=special_V,
        blank_V=torch.tensor([piece != b"" and not piece.strip(BLANKS) for piece in pieces]),
        bytes_N=torch.frombuffer(bytearray(b"".join(pieces)), dtype=torch.uint8),
        start_V=length_V.cumsum(0) - length_V,
        length_V=length_V,
    )


def read_pieces(tokenizer: PreTrainedTokenizerBase) -> list[bytes]:
    """Return the bytes that each token id adds to a text, by the decoder that the tokenizer names."""
    decoder = decoder_steps(tokenizer)
    if not decoder & {"ByteLevel", "Metaspace", "Replace"}:
        return _decoded_pieces(tokenizer)
    tokens = tokenizer.convert_ids_to_tokens(list(range(id_count(tokenizer))))
    read = _byte_level if "ByteLevel" in decoder else _metaspace  # for added tokens too, as the decoder does
    return [b"" if token is None else read(token) for token in tokens]


def id_count(tokenizer: PreTrainedTokenizerBase) -> int:
    """Return the highest id plus one: a vocabulary may skip ids, so its size can be smaller."""
    highest: int = max(tokenizer.get_vocab().values())
    return highest + 1


def decoder_steps(tokenizer: PreTrainedTokenizerBase) -> set[str]:
    """Return the names of the steps by which a fast tokenizer turns pieces into text; empty if it has no such steps."""
    decoder = getattr(getattr(tokenizer, "backend_tokenizer", None), "decoder", None)
    if decoder is None:
        return set()
    state = json.loads(decoder.__getstate__())
    return {step["type"] for step in (state, *state.get("decoders", ()))}


def _decoded_pieces(tokenizer: PreTrainedTokenizerBase) -> list[bytes]:
    """Return pieces by decoding each alone; a word-level tokenizer puts a space between them."""
    rows = [[i] for i in range(id_count(tokenizer))]
    pieces = tokenizer.batch_decode(rows, clean_up_tokenization_spaces=False)
    between = "" if pieces_are_glued(tokenizer) else " "
    return [(between + piece).encode() for piece in pieces]


def pieces_are_glued(tokenizer: PreTrainedTokenizerBase) -> bool:
    """Return whether neighboring pieces can touch. A word-level tokenizer puts spaces between them: `5 , 3` is not a
    number.
    """
    ids = tokenizer.encode("5,5", add_special_tokens=False)
    text: str = tokenizer.decode(ids, clean_up_tokenization_spaces=False)
    return text.strip() == "5,5"


def _byte_level(token: str) -> bytes:
    try:
        return bytes(BYTE_OF_LETTER[ord(letter)] for letter in token)
    except KeyError:  # an added token that is not in the byte-level alphabet is read literally
        return token.encode()


def _metaspace(token: str) -> bytes:
    byte = BYTE_PIECE.fullmatch(token)
    return bytes([int(byte[1], 16)]) if byte else token.replace(META_SPACE, " ").encode()


def _byte_of_letter() -> dict[int, int]:
    """Return the alphabet of byte-level tokenizers: printable bytes map to themselves, the others to letters from 256
    on.
    """
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return {byte: byte for byte in printable} | {256 + i: byte for i, byte in enumerate(others)}


BYTE_OF_LETTER = _byte_of_letter()


def _kin_table(ends: list[bytes]) -> torch.Tensor:
    """Return the Kin of one byte per piece; NONE if it is empty."""
    present_V = np.array([len(end) > 0 for end in ends])
    kin_V = np.zeros(len(ends), dtype=np.uint8)
    kin_V[present_V] = KIN_OF_BYTE[np.frombuffer(b"".join(ends), dtype=np.uint8)]
    return torch.from_numpy(kin_V)
