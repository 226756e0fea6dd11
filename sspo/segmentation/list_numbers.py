"""Marks that number the text after them: `1. Add`, `**2.** Set`, `(3.) Stop`, `a. Add`, `iv. Add`, `１．`, `1、`, `一、`.

Such a mark follows a label that begins its line, except for blanks and the Markdown or brackets before it.
"""

from __future__ import annotations

import string

import torch

from sspo.segmentation.delimiter_table import Kind
from sspo.segmentation.events import Events
from sspo.segmentation.vocabulary import Kin
from sspo.segmentation.walks import EDGE, Automaton, accepted

DIGITS = string.digits + "０１２３４５６７８９"
NUMERALS = "一二三四五六七八九十"
ROMAN = "ivxIVX"
TIGHT = "*_([{\"'"
"""Characters that may touch a label: emphasis, brackets, quotation marks."""
BLANKS = " \t\r"
LOOSE = TIGHT + BLANKS + "#>-+"
"""Characters that may precede it: also headings, quotations and bullets, which a blank separates (`-1.` is a number).
"""
LONGEST_NUMBER, LONGEST_NUMERAL, LONGEST_ROMAN = 3, 3, 4


def numbering_marks(events: Events) -> torch.Tensor:
    """Return which events are marks right after the label of a list item."""
    kinds_E = events.is_kind(Kind.PERIOD) | events.is_kind(Kind.WIDE_PERIOD) | events.is_kind(Kind.WIDE_COMMA)
    index_e = kinds_E.nonzero().squeeze(1)
    index_e = index_e[_may_begin_line(events, index_e)]
    index_e = index_e[accepted(events, index_e, LABEL, "mark")]
    # a letter before an ASCII period is a label only if a blank follows: `a.b` is not one
    letter_e = (events.kind_E[index_e] == int(Kind.PERIOD)) & (events.kin_before(index_e) == int(Kin.LETTER))
    flag_E = torch.zeros(len(events), dtype=torch.bool)
    flag_E[index_e[~letter_e]] = True
    flag_E[index_e[letter_e][accepted(events, index_e[letter_e], SPACED, "mark")]] = True
    return flag_E


def _may_begin_line(events: Events, index_e: torch.Tensor) -> torch.Tensor:
    """Return which events have no impossible character right before them; a cheap test that runs first."""
    before_e = events.kind_E[(index_e - 1).clamp(min=0)].long()
    return ~NOT_BEFORE_LABELS[before_e] | events.begins_row_E[index_e]


def _label() -> Automaton:
    """Build the automaton that walks backward from the mark to the beginning of its line."""
    automaton = Automaton(backward=True)
    labels = []
    for name, characters, longest in (
        ("number", DIGITS, LONGEST_NUMBER),
        ("numeral", NUMERALS, LONGEST_NUMERAL),
        ("roman", ROMAN, LONGEST_ROMAN),
    ):
        names = [f"{name} {k + 1}" for k in range(longest)]
        for state, target in zip(["mark", *names], names, strict=False):
            automaton.on([state], characters, target)
        labels += names
        if name == "number":
            automaton.on(names, ".．", "dot")  # `1.2.`
            automaton.on(["dot"], characters, names[0])
    automaton.on(["mark"], [letter for letter in string.ascii_letters if letter not in ROMAN], "letter")
    automaton.on([*labels, "letter", "tight"], TIGHT, "tight")
    automaton.on([*labels, "letter", "tight"], BLANKS, "loose")
    automaton.on(["loose"], LOOSE, "loose")
    automaton.on([*labels, "letter", "tight", "loose"], ["\n", EDGE.decode()], "accepted")
    return automaton


def _spaced() -> Automaton:
    """Build the automaton that walks forward from the mark, over closing characters, to a blank."""
    automaton = Automaton(backward=False)
    automaton.on(["mark"], "*_)]}\"'", "mark")
    automaton.on(["mark"], BLANKS, "accepted")
    return automaton


NOT_BEFORE_LABELS = torch.zeros(len(Kind), dtype=torch.bool)
NOT_BEFORE_LABELS[
    [Kind.COMMA, Kind.COLON, Kind.WIDE_COLON, Kind.WIDE_COMMA, Kind.MARK, Kind.CLOSER, Kind.DOLLAR]
] = True
LABEL, SPACED = _label(), _spaced()
