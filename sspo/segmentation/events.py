"""The delimiters and brackets of a batch of responses, in the order of the text, as flat tensors.

Most tokens hold neither. Tokens are therefore looked up once, and everything else that a rule does is computed on the
few events found: E of them in all rows together, one event per character.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch

from sspo.segmentation.cuts import Responses
from sspo.segmentation.delimiter_table import Gap, Kind, MarkTable
from sspo.segmentation.vocabulary import Kin


@dataclass(frozen=True, kw_only=True)
class Events:
    """E events; `position_E` is the position of the event's token in the flattened batch."""

    table: MarkTable
    ids_N: torch.Tensor
    mask_N: torch.Tensor
    width: int
    """Tokens per row: T."""
    position_E: torch.Tensor
    entry_E: torch.Tensor
    """Rows of the table."""
    kind_E: torch.Tensor
    begins_row_E: torch.Tensor
    """True for the first event of a response."""
    gap_E: torch.Tensor
    """The text between an event and the one before it."""

    def __len__(self) -> int:
        return len(self.position_E)

    def is_kind(self, kind: Kind) -> torch.Tensor:
        """Return which events are of a kind."""
        return self.kind_E == int(kind)

    def kin_before(self, index_e: torch.Tensor) -> torch.Tensor:
        """Return the Kin of the character right before each given event."""
        position_e = self.position_E[index_e]
        outside_e = self.table.vocabulary.last_V[self.ids_N[(position_e - 1).clamp(min=0)]]
        outside_e = outside_e.where(position_e % self.width > 0, int(Kin.NONE))
        inside_e = self.table.before_K[self.entry_E[index_e]]
        return inside_e.where(inside_e != int(Kin.NONE), outside_e)

    def kin_after(self, index_e: torch.Tensor) -> torch.Tensor:
        """Return the Kin of the character right after each given event."""
        position_e = self.position_E[index_e]
        next_e = (position_e + 1).clamp(max=len(self.ids_N) - 1)
        outside_e = self.table.vocabulary.first_V[self.ids_N[next_e]]
        within_e = (next_e % self.width > 0) & self.mask_N[next_e]
        inside_e = self.table.after_K[self.entry_E[index_e]]
        return inside_e.where(inside_e != int(Kin.NONE), outside_e.where(within_e, int(Kin.NONE)))

    def bytes_before(
        self, index_e: torch.Tensor, count: int
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
        """Yield the last `count` bytes of the text before the given events, nearest first; 0 if the response begins
        there.

        With each byte come the position of its token and the number of bytes of that token before it.
        """
        position_e, left_e = self.position_E[index_e], self.table.inside_K[self.entry_E[index_e]]
        for _ in range(count):
            byte_e, position_e, left_e = self.byte_before(position_e, left_e)
            yield byte_e, position_e, left_e

    def byte_before(
        self, position_e: torch.Tensor, left_e: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return the byte before places that have `left` bytes of their token before them, and the place of that byte."""
        vocabulary = self.table.vocabulary
        into_previous_e = (left_e == 0) & (position_e % self.width > 0)
        position_e = position_e - into_previous_e.long()
        piece_e = self.ids_N[position_e]
        # nothing precedes a special token, whose piece is empty: from there on `left` is -1
        left_e = (vocabulary.length_V[piece_e].where(into_previous_e, left_e) - 1).clamp(min=-1)
        byte_e = vocabulary.bytes_N[(vocabulary.start_V[piece_e] + left_e).clamp(min=0)]
        return byte_e.where(left_e >= 0, 0), position_e, left_e

    def byte_after(
        self, position_e: torch.Tensor, left_e: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return the byte at places that have `left` bytes of their token before them, and the place after it.

        The byte is 0 at the end of the response and at a special token.
        """
        vocabulary = self.table.vocabulary
        into_next_e = left_e >= vocabulary.length_V[self.ids_N[position_e]]
        next_e = (position_e + into_next_e.long()).clamp(max=len(self.ids_N) - 1)
        over_e = into_next_e & ((next_e % self.width == 0) | (next_e == position_e) | ~self.mask_N[next_e])
        left_e = left_e.where(~into_next_e, 0)
        piece_e = self.ids_N[next_e]
        over_e |= left_e >= vocabulary.length_V[piece_e]
        at_e = (vocabulary.start_V[piece_e] + left_e).clamp(max=len(vocabulary.bytes_N) - 1)
        return vocabulary.bytes_N[at_e].where(~over_e, 0), next_e, left_e + 1


def find_events(responses: Responses, table: MarkTable) -> Events:
    """Return the events of a batch."""
    ids_BT = responses.token_ids_BT.to(table.holds_V.device).clamp(max=len(table.holds_V) - 1)
    mask_BT = responses.mask_BT.to(table.holds_V.device)
    ids_N, width = ids_BT.flatten(), ids_BT.shape[1]
    position_C = (table.holds_V[ids_N] & mask_BT.flatten()).nonzero().squeeze(1)
    count_C = table.count_V[ids_N[position_C]]
    token_E = torch.repeat_interleave(count_C)
    first_C = count_C.cumsum(0) - count_C
    nth_E = torch.arange(len(token_E)) - first_C[token_E]
    position_E = position_C[token_E]
    entry_E = (table.start_V[ids_N[position_C]])[token_E] + nth_E
    kind_E = table.kind_K[entry_E]
    row_E = position_E // width
    begins_row_E = torch.ones(len(position_E), dtype=torch.bool)
    begins_row_E[1:] = row_E[1:] != row_E[:-1]
    events = Events(
        table=table,
        ids_N=ids_N,
        mask_N=mask_BT.flatten(),
        width=width,
        position_E=position_E,
        entry_E=entry_E,
        kind_E=kind_E,
        begins_row_E=begins_row_E,
        gap_E=torch.empty(0),
    )
    return _with_halves(events) if bool((kind_E == int(Kind.HALF)).any()) else _with_gaps(events)


def _with_halves(events: Events) -> Events:
    """Replace HALF events with the whole character's event, and drop those whose character is not an event."""
    half_e = events.is_kind(Kind.HALF).nonzero().squeeze(1)
    half_ends = events.table.half_ends
    walk = list(events.bytes_before(half_e, max(map(len, half_ends))))
    nearest_first = torch.stack([byte_e for byte_e, _, _ in walk])
    kind_E = events.kind_E.clone()
    kind_E[half_e] = int(Kind.INERT)
    begin_E, left_E = torch.zeros_like(events.position_E), torch.zeros_like(events.position_E)
    for char, kind in half_ends.items():
        wanted = torch.tensor(list(reversed(char)), dtype=torch.uint8)
        is_char_e = (nearest_first[: len(char)] == wanted[:, None]).all(0)
        _, position_e, left_e = walk[len(char) - 1]
        index_e = half_e[is_char_e]
        kind_E[index_e] = int(kind)
        begin_E[index_e], left_E[index_e] = position_e[is_char_e], left_e[is_char_e]
    keep_E = kind_E != int(Kind.INERT)
    behind_E = torch.zeros_like(
        keep_E
    )  # with an irrelevant character between its piece's beginning and itself
    behind_E[1:] = ~keep_E[:-1] & (events.position_E[1:] == events.position_E[:-1])
    is_half_E = events.is_kind(Kind.HALF) & keep_E
    is_half_E, behind_E, begin_E, left_E = (x[keep_E] for x in (is_half_E, behind_E, begin_E, left_E))
    events = _with_gaps(_only(replace(events, kind_E=kind_E), keep_E))
    gap_E = events.gap_E.where(~behind_E, int(Gap.TEXT))
    half_e = is_half_E.nonzero().squeeze(1)
    touches_e = _touches(events, half_e, begin_E[half_e], left_E[half_e])
    gap_E[half_e[touches_e]] = int(Gap.NOTHING)
    return replace(events, gap_E=gap_E)


def _only(events: Events, keep_E: torch.Tensor) -> Events:
    row_E = events.position_E[keep_E] // events.width
    begins_row_E = torch.ones(len(row_E), dtype=torch.bool)
    begins_row_E[1:] = row_E[1:] != row_E[:-1]
    return replace(
        events,
        position_E=events.position_E[keep_E],
        entry_E=events.entry_E[keep_E],
        kind_E=events.kind_E[keep_E],
        begins_row_E=begins_row_E,
    )


def _touches(
    events: Events, index_e: torch.Tensor, position_e: torch.Tensor, left_e: torch.Tensor
) -> torch.Tensor:
    """Return whether the previous event ends where a character begins, `left_e` bytes into the token at `position_e`."""
    table, before_e = events.table, (index_e - 1).clamp(min=0)
    end_e, holder_e = table.end_K[events.entry_E[before_e]], events.position_E[before_e]
    here_e = (holder_e == position_e) & (end_e == left_e)
    at_its_end_e = end_e == table.vocabulary.length_V[events.ids_N[holder_e]]
    just_before_e = (holder_e == position_e - 1) & at_its_end_e & (left_e == 0)
    return (here_e | just_before_e) & ~events.begins_row_E[index_e]


def _with_gaps(events: Events) -> Events:
    """Fill in gap_E."""
    table, position_E = events.table, events.position_E
    lead_E, trail_E = table.lead_K[events.entry_E], table.trail_K[events.entry_E]
    gap_E = lead_E.clone()
    apart_E = position_E[1:] - position_E[:-1]
    across_E = torch.maximum(lead_E[1:], trail_E[:-1])
    gap_E[1:] = lead_E[1:].where(apart_E == 0, across_E.where(apart_E == 1, int(Gap.TEXT)))
    _look_through_blanks(events, gap_E, trail_E)
    gap_E[events.begins_row_E] = int(Gap.TEXT)
    return replace(events, gap_E=gap_E)


def _look_through_blanks(events: Events, gap_E: torch.Tensor, trail_E: torch.Tensor) -> None:
    """Set the gap to no text if only blank pieces lie between an event and the one before.

    This is done for line breaks and for characters that may close a formula alone; nothing uses the other gaps.
    """
    asked_E = events.is_kind(Kind.NEWLINE) | events.is_kind(Kind.DOLLAR) | events.is_kind(Kind.BACKSLASH)
    open_E = asked_E & (events.table.lead_K[events.entry_E] < int(Gap.TEXT))
    open_E[1:] &= (gap_E[1:] == int(Gap.TEXT)) & (trail_E[:-1] < int(Gap.TEXT))
    open_E &= ~events.begins_row_E
    index_e = open_E.nonzero().squeeze(1)
    position_e = events.position_E[index_e] - 1
    while len(index_e):
        met_e = position_e == events.position_E[index_e - 1]
        gap_E[index_e[met_e]] = int(Gap.BLANKS)
        further_e = ~met_e & events.table.vocabulary.blank_V[events.ids_N[position_e]]
        index_e, position_e = index_e[further_e], position_e[further_e] - 1
