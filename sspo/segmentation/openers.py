"""Asterisks and quotation marks right after a mark: whether they close the text before or open the text after.

In spaced text a closing character is followed by a space, as in CommonMark's flanking rule. If text follows directly
(`步骤：**计算**`, `Answer:**42**`), the line decides: a character that is open on it is closed first.
"""

from __future__ import annotations

import torch

from sspo.segmentation.delimiter_table import CLAUSE_MARKS, CLOSERS, Kind
from sspo.segmentation.events import Events
from sspo.segmentation.walks import EDGE, Automaton, accepted

COUNTED = {Kind.ASTERISK: b"*", Kind.QUOTE: b'"'}
"""Without the apostrophe, which also occurs inside words, so that counting it would be meaningless."""


def opens_or_closes(events: Events) -> torch.Tensor:
    """Return which events open as well as close."""
    return (events.kind_E >= int(Kind.ASTERISK)) & (events.kind_E <= int(Kind.APOSTROPHE))


def openers(events: Events, index_c: torch.Tensor) -> torch.Tensor:
    """Return those of the given events (which could close, in order) that open the text after them."""
    begins_c = torch.ones(len(index_c), dtype=torch.bool)
    begins_c[1:] = index_c[1:] != index_c[:-1] + 1
    run_c = begins_c.cumsum(0) - 1  # runs of adjacent characters
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
    """Return whether the line has an even number of equally long runs before each event's run; quotation marks form no
    runs.
    """
    before_k = _on_line(events, index_k, character)
    if kind == Kind.QUOTE:
        return before_k % 2 == 0
    begins_k = torch.ones(len(index_k), dtype=torch.bool)
    begins_k[1:] = index_k[1:] != index_k[:-1] + 1
    run_k = begins_k.cumsum(0) - 1
    return (before_k[begins_k] // torch.bincount(run_k))[run_k] % 2 == 0


def _on_line(events: Events, index_k: torch.Tensor, character: bytes) -> torch.Tensor:
    """Return how many of a character precede each event on its line."""
    vocabulary, width = events.table.vocabulary, events.width
    up_to_N = torch.cat([torch.zeros(1, dtype=torch.long), (vocabulary.bytes_N == character[0]).cumsum(0)])
    start_V = vocabulary.start_V
    count_V = up_to_N[start_V + vocabulary.length_V] - up_to_N[start_V]
    row_R, at_k = (events.position_E[index_k] // width).unique(return_inverse=True)
    count_RT = count_V[events.ids_N.view(-1, width)[row_R]]
    before_RT = count_RT.cumsum(1) - count_RT

    def before(index_k: torch.Tensor) -> torch.Tensor:
        """Return how many precede each event in the response."""
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
    """Build the automaton that walks forward from a character to text that it could open: no space, mark or closing
    character.
    """
    automaton = Automaton(backward=False)
    automaton.on(["end"], [*CLAUSE_MARKS, *CLOSERS, *" \t\r}", EDGE.decode()], "other")
    automaton.otherwise(except_from="other")
    return automaton


TEXT = _text()
