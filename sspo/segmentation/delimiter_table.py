"""Characters that matter to a rule, and their positions in every piece of a vocabulary: the table behind the fast path."""

from __future__ import annotations

import re
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np
import torch

from sspo.segmentation.readable import readable_vocabulary
from sspo.segmentation.vocabulary import BLANKS, KIN_OF_BYTE, Kin, Vocabulary

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

LINE_MARKS = "\n"
SENTENCE_MARKS = ".?!…。？！．｡؟۔।॥" + LINE_MARKS
CLAUSE_MARKS = ",;:，；：、､،؛" + SENTENCE_MARKS
CLOSERS = ")]\"'*”’»」』】》）"
"""Characters allowed between a mark and the end of its segment: `(so it is.)`, `"yes," he said`, `**Step 1.**`."""


class Kind(IntEnum):
    """The kind of an event. Marks come first: every kind up to MARK ends a segment unless something protects it."""

    COMMA = 0
    COLON = 1
    PERIOD = 2
    WIDE_COLON = 3
    WIDE_PERIOD = 4
    WIDE_COMMA = 5
    """The comma of lists, `、`."""
    NEWLINE = 6
    MARK = 7
    CLOSER = 8
    ASTERISK = 9
    QUOTE = 10
    APOSTROPHE = 11
    """APOSTROPHE, ASTERISK and QUOTE open as well as close."""
    HALF = 12
    """The end of a character that began in an earlier piece."""
    INERT = 13
    DOLLAR = 14
    BACKSLASH = 15
    OPEN_ROUND = 16
    CLOSE_ROUND = 17
    OPEN_SQUARE = 18
    CLOSE_SQUARE = 19
    OPEN_BRACE = 20
    CLOSE_BRACE = 21
    BACKTICK = 22
    TILDE = 23


OWN_KINDS = {
    ",": Kind.COMMA,
    ":": Kind.COLON,
    ".": Kind.PERIOD,
    "：": Kind.WIDE_COLON,
    "．": Kind.WIDE_PERIOD,
    "、": Kind.WIDE_COMMA,
    "\n": Kind.NEWLINE,
    "*": Kind.ASTERISK,
    '"': Kind.QUOTE,
    "'": Kind.APOSTROPHE,
}
"""Marks and closing characters that need a kind of their own because further rules apply to them."""
SPAN_KINDS = dict(
    zip("$\\()[]{}`~", [kind for kind in Kind if kind >= Kind.DOLLAR], strict=True),
)
NEED_CONTEXT = frozenset("()[]" + CLOSERS)
"""Characters that matter only right after another event, which is where a piece may begin."""
HALF_CHARACTER = re.compile(rb"[\x80-\xbf]+")


class Gap(IntEnum):
    """The text between an event and the one before it."""

    NOTHING = 0
    BLANKS = 1
    TEXT = 2


@dataclass(frozen=True, kw_only=True)
class MarkTable:
    """The events of every piece: those of piece v are entries start_V[v] to start_V[v] + count_V[v]."""

    vocabulary: Vocabulary
    holds_V: torch.Tensor
    """True if the piece has an event."""
    start_V: torch.Tensor
    count_V: torch.Tensor
    kind_K: torch.Tensor
    before_K: torch.Tensor
    after_K: torch.Tensor
    """Kin of the adjacent characters; NONE if they belong to another piece."""
    lead_K: torch.Tensor
    """The gap to the previous event of the piece, or to the piece's beginning."""
    trail_K: torch.Tensor
    """The gap to the piece's end."""
    inside_K: torch.Tensor
    """The piece's bytes up to the event; including it if it is a HALF."""
    end_K: torch.Tensor
    """The piece's bytes up to the event's end."""
    half_ends: dict[bytes, Kind]
    """Characters that a HALF may complete."""


_TABLES: weakref.WeakKeyDictionary[PreTrainedTokenizerBase, dict[tuple[str, bool], MarkTable]] = (
    weakref.WeakKeyDictionary()
)


def mark_table(tokenizer: PreTrainedTokenizerBase, marks: str, *, spans: bool) -> MarkTable:
    """Return the table of a set of delimiter characters, with or without LaTeX and code fences, built once per
    tokenizer.
    """
    tables = _TABLES.setdefault(tokenizer, {})
    if (marks, spans) not in tables:
        tables[marks, spans] = build_table(readable_vocabulary(tokenizer), marks, spans=spans)
    return tables[marks, spans]


def build_table(vocabulary: Vocabulary, marks: str, *, spans: bool) -> MarkTable:
    """Build the table: find the events of every piece."""
    kinds = _kinds(marks, spans=spans)
    half_ends = {char: kind for char, kind in kinds.items() if len(char) > 1}
    halves = {char[i:] for char in half_ends for i in range(1, len(char))}
    wanted = re.compile(b"|".join(re.escape(char) for char in kinds))
    count_V = np.zeros(len(vocabulary.pieces_V), dtype=np.int64)
    rows: list[tuple[int, ...]] = []
    for v, piece in enumerate(vocabulary.pieces_V):
        half = HALF_CHARACTER.match(piece)
        if half or wanted.search(piece):
            begins_with = half[0] if half and half[0] in halves else b""
            found = list(_events(piece, wanted, kinds, begins_with))
            rows += found
            count_V[v] = len(found)
    kind_K, before_K, after_K, lead_K, trail_K, inside_K, end_K = (
        np.array(rows, dtype=np.int64).reshape(-1, 7).T
    )

    def small(values_K: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(values_K.astype(np.uint8))

    return MarkTable(
        vocabulary=vocabulary,
        holds_V=torch.from_numpy(count_V > 0),
        start_V=torch.from_numpy(np.cumsum(count_V) - count_V),
        count_V=torch.from_numpy(count_V),
        kind_K=small(kind_K),
        before_K=small(before_K),
        after_K=small(after_K),
        lead_K=small(lead_K),
        trail_K=small(trail_K),
        inside_K=torch.from_numpy(inside_K.copy()),
        end_K=torch.from_numpy(end_K.copy()),
        half_ends=half_ends,
    )


def _kinds(marks: str, *, spans: bool) -> dict[bytes, Kind]:
    """Return bytes -> kind for every character that can be an event."""
    kinds = {closer: OWN_KINDS.get(closer, Kind.CLOSER) for closer in CLOSERS}
    kinds |= {mark: OWN_KINDS.get(mark, Kind.MARK) for mark in marks}
    if spans:
        kinds |= SPAN_KINDS
    return {char.encode(): kind for char, kind in kinds.items()}


def _events(
    piece: bytes, wanted: re.Pattern[bytes], kinds: dict[bytes, Kind], half: bytes
) -> Iterator[tuple[int, ...]]:
    """Yield (kind, before, after, lead, trail, bytes up to the event, and to its end) for a piece's events."""
    spots = [(match.start(), match.end(), kinds[match[0]]) for match in wanted.finditer(piece)]
    if half:
        spots.insert(0, (0, len(half), Kind.HALF))
    end_of_last = 0
    for begin, end, kind in spots:
        touches = begin == end_of_last  # the previous event, or the beginning of the piece
        if piece[begin:end].decode(errors="replace") in NEED_CONTEXT and not touches:
            continue
        yield (
            kind,
            KIN_OF_BYTE[piece[begin - 1]] if begin else Kin.NONE,
            KIN_OF_BYTE[piece[end]] if end < len(piece) else Kin.NONE,
            _gap(piece[end_of_last:begin]),
            _gap(piece[end:]),
            end if kind == Kind.HALF else begin,
            end,
        )
        end_of_last = end


def _gap(between: bytes) -> Gap:
    if not between:
        return Gap.NOTHING
    return Gap.TEXT if between.strip(BLANKS) else Gap.BLANKS
