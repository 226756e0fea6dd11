"""A user-supplied regular expression on the text of a response: the one built-in rule that reads the joined text."""

from __future__ import annotations

import torch

from sspo.config import SegmentationConfig
from sspo.config.patterns import Spans, match_spans
from sspo.segmentation.cuts import Responses
from sspo.segmentation.readable import readable_vocabulary

OPTIONS: tuple[str, ...] = ("pattern",)
READS_TEXT = True


def cuts(responses: Responses, config: SegmentationConfig) -> torch.Tensor:
    """Return cut_BT: a segment ends with the token that holds the last character of a match of `pattern`.

    Special tokens are not text. No protection applies: the pattern decides alone. This joins pieces row by row, so it is
    about ten times slower than the delimiter rules; CPU time per response is limited (sspo/config/patterns.py).
    """
    pieces_V = readable_vocabulary(responses.tokenizer).pieces_V
    cut_BT = torch.zeros_like(responses.mask_BT)
    rows = [
        [pieces_V[min(i, len(pieces_V) - 1)] for i in ids[:tokens]]
        for ids, tokens in zip(
            responses.token_ids_BT.tolist(), responses.mask_BT.sum(1).tolist(), strict=True
        )
    ]
    # a response may end inside a character
    texts = [b"".join(pieces).decode("utf-8", "surrogateescape") for pieces in rows]
    for b, (pieces, text, spans) in enumerate(
        zip(rows, texts, match_spans(config.pattern, texts), strict=True)
    ):
        matched = _match_ends(spans, text)
        if len(matched):
            ends = torch.tensor([len(piece) for piece in pieces]).cumsum(0)
            cut_BT[b, torch.searchsorted(ends, torch.tensor(matched)).to(cut_BT.device)] = True
    return cut_BT


def _match_ends(spans: Spans, text: str) -> list[int]:
    """Return the ends of non-empty matches, in bytes."""
    ends, place, at = [], 0, 0
    for begin, end in spans:
        if end > begin:
            place += len(text[at:end].encode("utf-8", "surrogateescape"))
            at = end
            ends.append(place)
    return ends
