"""Marks that number what follows: `1. Add`, `**2.** Set`, `(3.) Stop`, `a. Add`, `iv. Add`, `１．`, `1、`, `一、`.

Such a mark stands behind a label that begins its line, apart from blanks and what Markdown or brackets put before it.
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
"""What may touch a label: emphasis, brackets, quotation marks."""
BLANKS = " \t\r"
LOOSE = TIGHT + BLANKS + "#>-+"
"""What may stand before it: headings, quotations and bullets too, which a blank sets apart (`-1.` is a number)."""
LONGEST_NUMBER, LONGEST_NUMERAL, LONGEST_ROMAN = 3, 3, 4


def numbering_marks(events: Events) -> torch.Tensor:
    """Which events are marks right behind the label of a list's item."""
    kinds_E = events.is_kind(Kind.PERIOD) | events.is_kind(Kind.WIDE_PERIOD) | events.is_kind(Kind.WIDE_COMMA)
    index_e = kinds_E.nonzero().squeeze(1)
    index_e = index_e[_may_begin_line(events, index_e)]
    index_e = index_e[accepted(events, index_e, LABEL, "mark")]
    # a letter before an ASCII period is a label only where a blank follows: `a.b` is none
    letter_e = (events.kind_E[index_e] == int(Kind.PERIOD)) & (events.kin_before(index_e) == int(Kin.LETTER))
    flag_E = torch.zeros(len(events), dtype=torch.bool)
    flag_E[index_e[~letter_e]] = True
    flag_E[index_e[letter_e][accepted(events, index_e[letter_e], SPACED, "mark")]] = True
    return flag_E


def _may_begin_line(events: Events, index_e: torch.Tensor) -> torch.Tensor:
    """Which events have nothing right before them that no label has; cheap, and asked first."""
    before_e = events.kind_E[(index_e - 1).clamp(min=0)].long()
    return ~NOT_BEFORE_LABELS[before_e] | events.begins_row_E[index_e]


def _label() -> Automaton:
    """Backward from the mark to the beginning of its line."""
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
    """Forward from the mark, over what may close, to a blank."""
    automaton = Automaton(backward=False)
    automaton.on(["mark"], "*_)]}\"'", "mark")
    automaton.on(["mark"], BLANKS, "accepted")
    return automaton


NOT_BEFORE_LABELS = torch.zeros(len(Kind), dtype=torch.bool)
NOT_BEFORE_LABELS[
    [Kind.COMMA, Kind.COLON, Kind.WIDE_COLON, Kind.WIDE_COMMA, Kind.MARK, Kind.CLOSER, Kind.DOLLAR]
] = True
LABEL, SPACED = _label(), _spaced()
