"""Cuts at delimiters in the text, as made by the rules subsentence, sentence, line and step.

Nothing is decoded: the contents of vocabulary pieces are looked up, and the rest are tensor operations on the
delimiters found. A delimiter ends its segment, together with the closing characters right after it.
"""

from __future__ import annotations

import torch

from sspo.config import SegmentationConfig
from sspo.segmentation.cuts import Responses
from sspo.segmentation.delimiter_table import Gap, Kind, mark_table
from sspo.segmentation.events import Events, find_events
from sspo.segmentation.latex import find_spans
from sspo.segmentation.list_numbers import numbering_marks
from sspo.segmentation.openers import openers, opens_or_closes
from sspo.segmentation.protections import after_abbreviations, inside_numbers


def delimiter_cuts(
    responses: Responses, config: SegmentationConfig, marks: str, *, blank_lines_only: bool = False
) -> torch.Tensor:
    """Return cut_BT, (B, T) bool: True at every token that holds the end of a run of unprotected marks."""
    spans = config.protect_latex or config.protect_code
    events = find_events(responses, mark_table(responses.tokenizer, marks, spans=spans))
    active_E = _unprotected_marks(events, config)
    if blank_lines_only:
        active_E[1:] &= (events.kind_E[:-1] == int(Kind.NEWLINE)) & (events.gap_E[1:] <= int(Gap.BLANKS))
        active_E &= ~events.begins_row_E
    position_E = events.position_E[_run_ends(events, active_E)]
    next_E = (position_E + 1).clamp(max=len(events.ids_N) - 1)
    # the end-of-sequence token never makes a segment of its own
    position_E = position_E[~events.table.vocabulary.special_V[events.ids_N[next_E]]]
    cut_N = torch.zeros(len(events.ids_N), dtype=torch.bool)
    cut_N[position_E] = True
    return cut_N.view(responses.mask_BT.shape).to(responses.mask_BT.device)


def _unprotected_marks(events: Events, config: SegmentationConfig) -> torch.Tensor:
    """Return which events end a segment: unprotected marks, and formulas that end with a mark."""
    active_E = events.kind_E <= int(Kind.MARK)
    if config.protect_numbers:
        active_E &= ~inside_numbers(events)
        active_E &= ~numbering_marks(events)
    if config.protect_abbreviations:
        active_E &= ~after_abbreviations(events)
    if config.protect_latex or config.protect_code:
        spans = find_spans(events, latex=config.protect_latex, code=config.protect_code)
        active_E = (active_E | spans.ends_clause_E) & ~spans.inside_E
    return active_E


def _run_ends(events: Events, active_E: torch.Tensor) -> torch.Tensor:
    r"""Return the last event of every run of marks: `.")`, `?!`, `,\n`, `.` and two line breaks.

    A mark or closing character continues the run that it touches; a line break also continues it across blanks; after a
    line break only further line breaks do. A character that opens the text after it closes nothing.
    """
    newline_E = events.is_kind(Kind.NEWLINE)
    closer_E = (events.kind_E >= int(Kind.CLOSER)) & (events.kind_E <= int(Kind.APOSTROPHE))
    closer_E |= events.is_kind(Kind.CLOSE_ROUND) | events.is_kind(Kind.CLOSE_SQUARE)
    touches_E = events.gap_E == int(Gap.NOTHING)
    touches_E[1:] &= ~newline_E[:-1]
    follows_E = (closer_E | active_E) & touches_E | newline_E & active_E & (events.gap_E <= int(Gap.BLANKS))
    in_run_E = _in_runs(active_E, closer_E & follows_E & ~active_E)
    opener_e = openers(events, (in_run_E & opens_or_closes(events)).nonzero().squeeze(1))
    if len(opener_e):
        follows_E[opener_e] = False
        in_run_E = _in_runs(active_E, closer_E & follows_E & ~active_E)
    in_run_E[:-1] &= ~follows_E[1:]
    return in_run_E


def _in_runs(active_E: torch.Tensor, goes_on_E: torch.Tensor) -> torch.Tensor:
    """Return which events are marks or continue a run from one."""
    order_E = torch.arange(len(active_E))
    origin_E = order_E.where(~goes_on_E, 0).cummax(0).values
    return active_E[origin_E]
