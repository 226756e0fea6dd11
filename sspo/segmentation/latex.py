"""LaTeX spans, together with code: which events lie inside a closed span.

A span that never closes protects nothing, whether the response was truncated or a dollar sign meant money. Every kind
of span is found separately, and everything inside any of them is protected. A pair is always two neighbors among the
events of its kind, so all responses are searched at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from sspo.segmentation.code import code_pairs
from sspo.segmentation.delimiter_table import Gap, Kind
from sspo.segmentation.events import Events
from sspo.segmentation.vocabulary import Kin


@dataclass(frozen=True, kw_only=True)
class Spans:
    """Effects of closed spans on events."""

    inside_E: torch.Tensor
    """True if the event lies between the delimiters of a span, or is a mark that a backslash turns into a command
    (`\\,`).
    """
    ends_clause_E: torch.Tensor
    """True if the event closes a formula whose last character is a delimiter: `$a,$` ends the clause that the comma
    ends.
    """


@dataclass(frozen=True, kw_only=True)
class Context:
    """Neighborhoods shared by the searches for all kinds of span."""

    touches_E: torch.Tensor
    """True if nothing lies between the event and the one before it."""
    escaped_E: torch.Tensor
    """True if an odd number of backslashes directly precedes the event."""
    line_E: torch.Tensor
    paragraph_E: torch.Tensor
    """Numbers that change at every line break and every blank line, and with the response."""


def find_spans(events: Events, *, latex: bool, code: bool) -> Spans:
    """Return the closed spans of a batch."""
    context = _context(events)
    depth_E = torch.zeros(len(events) + 1, dtype=torch.long)
    inside_E = torch.zeros(len(events), dtype=torch.bool)
    ends_clause_E = torch.zeros(len(events), dtype=torch.bool)
    if latex:
        clause_mark_E = (events.kind_E <= int(Kind.MARK)) & ~events.is_kind(Kind.NEWLINE)
        inside_E = clause_mark_E & context.escaped_E
        before_closer_E = clause_mark_E & ~inside_E & (_next(events.gap_E) <= int(Gap.BLANKS))
        for opener_s, closer_s, width in (
            _dollar_pairs(events, context),
            _double_dollar_pairs(events, context),
            _bracket_pairs(events, context, Kind.OPEN_ROUND, Kind.CLOSE_ROUND),
            _bracket_pairs(events, context, Kind.OPEN_SQUARE, Kind.CLOSE_SQUARE),
        ):
            _add(depth_E, opener_s, closer_s)
            last_s = closer_s - width  # the last event before the closing delimiter
            ends_clause_E[closer_s[before_closer_E[last_s] & (last_s > opener_s)]] = True
        _add_braces(depth_E, events, context)
    if code:
        _add(depth_E, *code_pairs(events, context.line_E, context.paragraph_E))
    return Spans(inside_E=inside_E | (depth_E[:-1].cumsum(0) > 0), ends_clause_E=ends_clause_E)


Pairs = tuple[torch.Tensor, torch.Tensor, int]
"""(opening event, closing event, events per closing delimiter)."""


def _context(events: Events) -> Context:
    touches_E = events.gap_E == int(Gap.NOTHING)
    newline_E = events.is_kind(Kind.NEWLINE)
    blank_line_E = newline_E & (events.gap_E <= int(Gap.BLANKS)) & _previous(newline_E)
    return Context(
        touches_E=touches_E,
        escaped_E=_escaped(events.is_kind(Kind.BACKSLASH), touches_E),
        line_E=(newline_E | events.begins_row_E).cumsum(0),
        paragraph_E=(blank_line_E | events.begins_row_E).cumsum(0),
    )


def _escaped(backslash_E: torch.Tensor, touches_E: torch.Tensor) -> torch.Tensor:
    """Return which events come right after an odd run of backslashes."""
    order_E = torch.arange(len(backslash_E))
    goes_on_E = backslash_E & _previous(backslash_E) & touches_E
    start_E = order_E.where(~goes_on_E, 0).cummax(0).values  # first event of the run of backslashes
    odd_E = backslash_E & ((order_E - start_E) % 2 == 0)
    return _previous(odd_E) & touches_E


def _dollar_pairs(events: Events, context: Context) -> Pairs:
    """Return the pairs of `$...$` in one paragraph.

    As in Pandoc, an opening dollar is directly followed by a character other than a space; a closing one directly
    follows such a character and is not followed by a digit, so `$5 and $6` is money. An opening dollar inside an open
    span starts it anew.
    """
    run_start_E, length_E = _runs(events.is_kind(Kind.DOLLAR) & ~context.escaped_E, context)
    index_s = (run_start_E & (length_E == 1)).nonzero().squeeze(1)
    before_s, after_s = events.kin_before(index_s), events.kin_after(index_s)
    opens_s = after_s > int(Kin.SPACE)
    closes_s = (before_s > int(Kin.SPACE)) & (after_s != int(Kin.DIGIT))
    index_s, opens_s, closes_s = (x[opens_s | closes_s] for x in (index_s, opens_s, closes_s))
    first_s = _begins_group(context.paragraph_E[index_s])
    both_s = opens_s & closes_s
    # a dollar that could be either toggles the state; any other one, and the first of a paragraph, sets it
    sets_s = ~both_s | first_s
    order_s = torch.arange(len(index_s))
    setter_s = order_s.where(sets_s, 0).cummax(0).values
    toggles_s = (both_s & ~sets_s).long().cumsum(0)
    open_s = (opens_s[setter_s].long() + toggles_s - toggles_s[setter_s]) % 2 == 1
    closer_s = (closes_s & ~first_s & _previous(open_s)).nonzero().squeeze(1)
    return index_s[closer_s - 1], index_s[closer_s], 1


def _double_dollar_pairs(events: Events, context: Context) -> Pairs:
    """Return the pairs of `$$...$$` in one paragraph: every second one closes."""
    run_start_E, length_E = _runs(events.is_kind(Kind.DOLLAR) & ~context.escaped_E, context)
    opener_s, closer_s = _alternating(
        (run_start_E & (length_E == 2)).nonzero().squeeze(1), context.paragraph_E
    )
    return opener_s, closer_s + 1, 2


def _bracket_pairs(events: Events, context: Context, opener: Kind, closer: Kind) -> Pairs:
    r"""Return the pairs of `\(...\)` or `\[...\]` in one paragraph: a closing delimiter and the one before it, if
    that opens.
    """
    is_either_E = context.escaped_E & (events.is_kind(opener) | events.is_kind(closer))
    index_s = is_either_E.nonzero().squeeze(1)
    opens_s = events.kind_E[index_s] == int(opener)
    inside_s = ~_begins_group(context.paragraph_E[index_s])
    closer_s = (~opens_s & _previous(opens_s) & inside_s).nonzero().squeeze(1)
    return index_s[closer_s - 1], index_s[closer_s], 2


def _add_braces(depth_E: torch.Tensor, events: Events, context: Context) -> None:
    """Add `{...}` on one line, nested: the contents of every matched pair."""
    opens_E, closes_E = events.is_kind(Kind.OPEN_BRACE), events.is_kind(Kind.CLOSE_BRACE)
    index_s = ((opens_E | closes_E) & ~context.escaped_E).nonzero().squeeze(1)
    if len(index_s) == 0:
        return
    line_s = context.line_E[index_s]
    first_s = _begins_group(line_s)
    group_s = first_s.cumsum(0)
    step_s = opens_E[index_s].long() * 2 - 1
    total_s = step_s.cumsum(0)
    start_s = torch.arange(len(index_s)).where(first_s, 0).cummax(0).values
    level_s = total_s - (total_s - step_s)[start_s]
    # one term per line that outweighs any depth separates the running minima of different lines
    apart_s = group_s * (2 * len(index_s) + 2)
    lowest_so_far_s = ((level_s - apart_s).cummin(0).values + apart_s).clamp(max=0)
    lowest_to_come_s = (level_s + apart_s).flip(0).cummin(0).values.flip(0) - apart_s
    inside_s = (level_s > lowest_so_far_s) & (lowest_to_come_s < level_s)
    depth_E[index_s] += inside_s.long() - _previous(inside_s).long()


def _runs(is_kind_E: torch.Tensor, context: Context) -> tuple[torch.Tensor, torch.Tensor]:
    """Return where runs of one character begin, and how long each is (3 means three or more)."""
    goes_on_E = is_kind_E & _previous(is_kind_E) & context.touches_E
    second_E, third_E = _next(goes_on_E), _next(_next(goes_on_E))
    length_E = 1 + second_E.long() + (second_E & third_E).long()
    return is_kind_E & ~goes_on_E, length_E


def _alternating(index_s: torch.Tensor, group_E: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return first and second, third and fourth, ... of every group."""
    order_s = torch.arange(len(index_s))
    start_s = order_s.where(_begins_group(group_E[index_s]), 0).cummax(0).values
    closer_s = ((order_s - start_s) % 2 == 1).nonzero().squeeze(1)
    return index_s[closer_s - 1], index_s[closer_s]


def _add(depth_E: torch.Tensor, opener_s: torch.Tensor, closer_s: torch.Tensor) -> None:
    """Mark the events from an opening delimiter to the one before its closing delimiter as inside."""
    depth_E[opener_s] += 1
    depth_E[closer_s] -= 1


def _begins_group(group_s: torch.Tensor) -> torch.Tensor:
    first_s = torch.ones(len(group_s), dtype=torch.bool)
    first_s[1:] = group_s[1:] != group_s[:-1]
    return first_s


def _previous(flag_s: torch.Tensor) -> torch.Tensor:
    shifted_s = torch.zeros_like(flag_s)
    shifted_s[1:] = flag_s[:-1]
    return shifted_s


def _next(flag_s: torch.Tensor) -> torch.Tensor:
    shifted_s = torch.zeros_like(flag_s)
    shifted_s[:-1] = flag_s[1:]
    return shifted_s
