"""Widths of LaTeX text at 8 pt, in points, so that a table can be laid out before anything is compiled.

The widths are Computer Modern's (cmr8), which is wider than Times and similar fonts: what fits by them fits
in most papers. A character of unknown width counts as wide.
"""

from __future__ import annotations

import re

SIZE = 8.0
BOLD = 1.16
"""How much wider bold text is, at most, for digits and letters."""
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
_MINUS = 0.826
"""Of a `-` in math; in text it is a hyphen."""
_COMMANDS = {"dag": 0.472, "ddag": 0.472, "pm": 0.826, "S": 0.472, "textbackslash": 0.531}
_NOTHING = frozenset({"phantom", "emph", "textbf", "mathrm", "allowbreak", *"`'^\"=.uvrHdcb"})
"""Commands that show only the contents of their braces, and accents."""
_WIDEST, _LONG = 0.95, 2.0
"""The width of an unknown sign, and of an arrow whose command begins with `long`."""
_TOKEN = re.compile(r"\\([A-Za-z]+|.)|(.)", re.DOTALL)


def measure(source: str, *, bold: bool = False) -> float:
    """Return the width of LaTeX text of this package, too wide by a few percent at most."""
    total, maths = 0.0, False
    for found in _TOKEN.finditer(source):
        command, character = found[1], found[2]
        if character == "$":
            maths = not maths
        elif character is not None:
            known = _MINUS if maths and character == "-" else _WIDTHS.get(character, _WIDEST)
            total += 0.0 if character in "{}" else known
        else:
            total += _of_command(command)
    return total * SIZE * (BOLD if bold else 1)


def _of_command(command: str) -> float:
    if command in _NOTHING:
        return 0.0
    if command in "%&#_{}$":
        return _WIDTHS.get(command, 0.55)
    return _LONG if command.lower().startswith("long") else _COMMANDS.get(command, _WIDEST)
