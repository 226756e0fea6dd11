"""Delimiters that end nothing: inside numbers and after abbreviations. (latex.py covers those inside LaTeX and code.)"""

from __future__ import annotations

import torch

from sspo.segmentation.delimiter_table import Kind
from sspo.segmentation.events import Events
from sspo.segmentation.list_numbers import DIGITS
from sspo.segmentation.vocabulary import Kin
from sspo.segmentation.walks import Automaton, accepted

ABBREVIATIONS = (
    *("e.g", "i.e", "a.k.a", "w.l.o.g", "w.r.t", "s.t", "a.m", "p.m", "u.s", "ph.d"),
    *(
        "cf",
        "vs",
        "al",
        "approx",
        "resp",
        "viz",
        "fig",
        "figs",
        "eq",
        "eqs",
        "eqn",
        "thm",
        "prop",
        "vol",
        "pp",
    ),
    *("dr", "mr", "mrs", "ms", "prof", "jr", "sr", "rev", "gen", "inc", "ltd", "corp"),
    *("jan", "feb", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec"),
)
"""Without the last period, in lower case. Words that often end a sentence (`etc`, `no`, `sec`, `st` as in `1st`) are
not listed, nor are initials: `point A. Then` is more common in mathematics than `A. Weil`.
"""
LONGEST = 7


def inside_numbers(events: Events) -> torch.Tensor:
    """Return which events are inside a number.

    A comma or colon is protected between digits; a period before a digit, unless a letter directly precedes it: `3.14`,
    `$.50`, `10:30`, but `Fig.3` ends at its period. The wide colon and period are protected between digits of either
    width.
    """
    index_e = (events.kind_E <= int(Kind.PERIOD)).nonzero().squeeze(1)
    before_e, after_e = events.kin_before(index_e), events.kin_after(index_e)
    period_e = events.kind_E[index_e] == int(Kind.PERIOD)
    fits_e = torch.where(period_e, before_e != int(Kin.LETTER), before_e == int(Kin.DIGIT))
    flag_E = _flag(events, index_e[fits_e & (after_e == int(Kin.DIGIT))])
    wide_e = (events.is_kind(Kind.WIDE_COLON) | events.is_kind(Kind.WIDE_PERIOD)).nonzero().squeeze(1)
    for digit in (DIGIT_BEFORE, DIGIT_AFTER):
        wide_e = wide_e[accepted(events, wide_e, digit, "mark")]
    flag_E[wide_e] = True
    return flag_E


def after_abbreviations(events: Events) -> torch.Tensor:
    """Return which events are periods of an abbreviation.

    The word before the period (letters and periods without a break) is listed, or it begins a listed one and a letter
    follows directly (`e.` of `e.g.`).
    """
    index_e = events.is_kind(Kind.PERIOD).nonzero().squeeze(1)
    index_e = index_e[events.kin_before(index_e) == int(Kin.LETTER)]
    word_e = torch.zeros(len(index_e), dtype=torch.long)
    open_e = torch.ones(len(index_e), dtype=torch.bool)
    for k, (byte_e, _, _) in enumerate(events.bytes_before(index_e, LONGEST + 1)):
        letter_e = WORD_BYTE[byte_e.long()]
        open_e = open_e & (letter_e > 0)
        word_e = word_e + (letter_e.where(open_e, 0) << (8 * k if k < LONGEST else 0))
    whole_e = torch.isin(word_e, WHOLE) & ~open_e
    begun_e = torch.isin(word_e, BEGUN) & ~open_e & (events.kin_after(index_e) == int(Kin.LETTER))
    return _flag(events, index_e[whole_e | begun_e])


def _flag(events: Events, index_e: torch.Tensor) -> torch.Tensor:
    flag_E = torch.zeros(len(events), dtype=torch.bool)
    flag_E[index_e] = True
    return flag_E


def _word_byte() -> torch.Tensor:
    """Return, per byte, its lower case if it can be part of an abbreviation, else 0."""
    byte_256 = torch.zeros(256, dtype=torch.long)
    for byte in b"abcdefghijklmnopqrstuvwxyz.":
        byte_256[byte] = byte
        byte_256[ord(chr(byte).upper())] = byte
    return byte_256


def _codes(words: set[str]) -> torch.Tensor:
    """Return words packed as `after_abbreviations` packs the text: the last letter lowest."""
    return torch.tensor(sorted(int.from_bytes(word.encode()[::-1], "little") for word in words))


def _digit(*, backward: bool) -> Automaton:
    automaton = Automaton(backward=backward)
    automaton.on(["mark"], DIGITS, "accepted")
    return automaton


DIGIT_BEFORE, DIGIT_AFTER = _digit(backward=True), _digit(backward=False)
WORD_BYTE = _word_byte()
WHOLE = _codes(set(ABBREVIATIONS))
BEGUN = _codes({word[:i] for word in ABBREVIATIONS for i, letter in enumerate(word) if letter == "."})
