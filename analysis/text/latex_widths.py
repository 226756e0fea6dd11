"""How wide LaTeX text is at 8 pt, in points, so that a table can be laid out before anything is compiled.

The widths are Computer Modern's (cmr8), which is wider than Times and its kin: what fits by them fits in most papers.
What a font is not known for is taken for wide.
"""

from __future__ import annotations

import re

SIZE = 8.0
BOLD = 1.16
"""How much wider bold text is, at most for digits and letters."""
_OF_WIDTH = {
    295: "!',.:;[]`il",
    325: "fj",
    354: "-",
    383: "I",
    413: "()t",
    414: "r",
    419: "s",
    472: "cez",
    502: "?",
    531: '"*/0123456789ago',
    545: "J",
    561: "kqvxy",
    590: "Sbdhnpu",
    649: "Z",
    664: "L",
    693: "F",
    723: "EP",
    752: "B",
    767: "CTw",
    782: "R",
    796: "AHNUVXY",
    811: "D",
    825: "K",
    826: "&+=@OQ",
    834: "G",
    885: "#%m",
    973: "M",
    1091: "W",
}
_WIDTHS = {character: width / 1000 for width, those in _OF_WIDTH.items() for character in those} | {
    " ": 0.354,
    "~": 0.354,
}
_NOTHING = frozenset({"phantom", "emph", "textbf", "mathrm", "allowbreak", *"`'^\"=.uvrHdcb"})
"""Commands that show only what is in their braces, and accents."""
_WIDEST = 0.95
_TOKEN = re.compile(r"\\([A-Za-z]+|.)|(.)", re.DOTALL)


def measure(source: str, *, bold: bool = False) -> float:
    """The width of LaTeX text of ours, at most some percent too much."""
    total = 0.0
    for found in _TOKEN.finditer(source):
        command, character = found[1], found[2]
        if command is None:
            total += 0.0 if character in "{}$" else _WIDTHS.get(character, _WIDEST)
        elif command.startswith(("long", "Long")):
            total += 2.0
        elif command in "%&#_{}$":
            total += _WIDTHS.get(command, 0.55)
        elif command not in _NOTHING:
            total += _WIDEST
    return total * SIZE * (BOLD if bold else 1)
