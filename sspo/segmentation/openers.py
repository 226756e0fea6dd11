"""Asterisks and quotation marks right after a mark: do they close what stands before, or open what follows?

In spaced text a character that closes is followed by a space, as CommonMark's flanking rule has it. Where text follows
directly (`步骤：**计算**`, `Answer:**42**`) the line decides: what is open on it is closed first.
"""

from __future__ import annotations

import torch

from sspo.segmentation.delimiter_table import CLAUSE_MARKS, CLOSERS, Kind
from sspo.segmentation.events import Events
from sspo.segmentation.walks import EDGE, Automaton, accepted

COUNTED = {Kind.ASTERISK: b"*", Kind.QUOTE: b'"'}
"""An apostrophe also stands inside words, so that counting would tell nothing."""


def opens_or_closes(events: Events) -> torch.Tensor:
    """Which events open as well as close."""
    return (events.kind_E >= int(Kind.ASTERISK)) & (events.kind_E <= int(Kind.APOSTROPHE))


def openers(events: Events, index_c: torch.Tensor) -> torch.Tensor:
    """Of such events that could close, in order, those that open what follows."""
    begins_c = torch.ones(len(index_c), dtype=torch.bool)
    begins_c[1:] = index_c[1:] != index_c[:-1] + 1
    run_c = begins_c.cumsum(0) - 1  # of characters that touch
    last_s = index_c[begins_c.roll(-1)]
    index_c = index_c[accepted(events, last_s, TEXT, "end")[run_c]]
    if len(index_c) == 0:
        return index_c
    kind_c = events.kind_E[index_c]
    opens_c = kind_c == int(Kind.APOSTROPHE)
    for kind, character in COUNTED.items():
        of_kind_c = kind_c == int(kind)
        if of_kind_c.any():
            opens_c[of_kind_c] = _nothing_open(events, index_c[of_kind_c], character, kind)
    return index_c[opens_c]


def _nothing_open(events: Events, index_k: torch.Tensor, character: bytes, kind: Kind) -> torch.Tensor:
    """Whether the line has an even number of runs as long before each event's run; quotation marks are no runs."""
    before_k = _on_line(events, index_k, character)
    if kind == Kind.QUOTE:
        return before_k % 2 == 0
    begins_k = torch.ones(len(index_k), dtype=torch.bool)
    begins_k[1:] = index_k[1:] != index_k[:-1] + 1
    run_k = begins_k.cumsum(0) - 1
    return (before_k[begins_k] // torch.bincount(run_k))[run_k] % 2 == 0


def _on_line(events: Events, index_k: torch.Tensor, character: bytes) -> torch.Tensor:
    """How many of a character stand on an event's line before it."""
    vocabulary, width = events.table.vocabulary, events.width
    up_to_N = torch.cat([torch.zeros(1, dtype=torch.long), (vocabulary.bytes_N == character[0]).cumsum(0)])
    start_V = vocabulary.start_V
    count_V = up_to_N[start_V + vocabulary.length_V] - up_to_N[start_V]
    row_R, at_k = (events.position_E[index_k] // width).unique(return_inverse=True)
    count_RT = count_V[events.ids_N.view(-1, width)[row_R]]
    before_RT = count_RT.cumsum(1) - count_RT

    def before(index_k: torch.Tensor) -> torch.Tensor:
        """How many stand in the response before an event."""
        position_k = events.position_E[index_k]
        begin_k = start_V[events.ids_N[position_k]]
        within_k = up_to_N[begin_k + events.table.inside_K[events.entry_E[index_k]]] - up_to_N[begin_k]
        return before_RT[at_k, position_k % width] + within_k

    order_E = torch.arange(len(events))
    break_E = order_E.where(events.is_kind(Kind.NEWLINE), -1).cummax(0).values
    break_k = break_E[index_k].clamp(min=0)
    same_row_k = (break_E[index_k] >= 0) & (
        events.position_E[break_k] // width == events.position_E[index_k] // width
    )
    line_start_k = before(break_k.where(same_row_k, index_k))
    return before(index_k) - line_start_k.where(same_row_k, 0)


def _text() -> Automaton:
    """Forward from a character to text that it could open: no space, no mark and nothing that closes."""
    automaton = Automaton(backward=False)
    automaton.on(["end"], [*CLAUSE_MARKS, *CLOSERS, *" \t\r}", EDGE.decode()], "other")
    automaton.otherwise(except_from="other")
    return automaton


TEXT = _text()
