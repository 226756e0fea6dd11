"""Tokens of LaTeX or plain text. Nothing here nests, and every pattern takes time in proportion to its text."""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

from sspo.grading.second.node import UnreadableError
from sspo.grading.second.units import FACTORS, known

MOST_TOKENS = 700
UNIT_LETTERS = set("JNVWKmsgLTAC")
"""Units in \\mathrm or \\text right after a number."""


class Token(NamedTuple):
    """`kind` is num, sym, cmd (a command, or a word that means one), op (one character) or text (words)."""

    kind: str
    text: str


FUNCTIONS = [
    "sin",
    "cos",
    "tan",
    "cot",
    "sec",
    "csc",
    "arcsin",
    "arccos",
    "arctan",
    "sinh",
    "cosh",
    "tanh",
    "log",
    "ln",
    "lg",
    "exp",
    "sqrt",
]
_UNICODE = {
    "π": r"\pi ", "∞": r"\infty ", "√": r"\sqrt ", "≤": r"\le ", "≥": r"\ge ", "≠": r"\ne ", "×": r"\times ", "·": r"\cdot ",
    "⋅": r"\cdot ", "∙": r"\cdot ", "÷": "/", "−": "-", "–": "-", "—": "-", "±": r"\pm ", "∪": r"\cup ", "∩": r"\cap ", "°": r"\circ ",
    "∈": r"\in ", "≈": r"\approx ", "′": "'", "″": "''", "⁄": "/", "∠": "", "⌊": r"\lfloor ", "⌋": r"\rfloor ", "⌈": r"\lceil ",
    "⌉": r"\rceil ", "∅": r"\emptyset ", "θ": r"\theta ", "α": r"\alpha ", "β": r"\beta ", "ω": r"\omega ", "λ": r"\lambda ", "φ": r"\phi ",
    "\u2009": " ", "\u00a0": " ", "\u200b": "",
} | {char: f"^{{{unicodedata.digit(char)}}}" for char in "⁰¹²³⁴⁵⁶⁷⁸⁹"} | {char: f"_{{{unicodedata.digit(char)}}}" for char in "₀₁₂₃₄₅₆₇₈₉"}  # fmt: skip
_UNICODE_TABLE = str.maketrans(_UNICODE)
_SPACE = re.compile(r"\\(?:[,;:! ]|quad\b|qquad\b|thinspace\b|enspace\b)|~|\s+")
_DROPPED = re.compile(
    r"\\(?:left|right|big|Big|bigg|Bigg|bigl|bigr|Bigl|Bigr|biggl|biggr|displaystyle|textstyle|limits|nolimits|middle)(?![A-Za-z])\.?"
    r"|\\[()\[\]](?![A-Za-z])|(?<!\\)\$|\\\$"
)
_THIN_COMMA = re.compile(r"(?<=[0-9])(?:\{,\}|,\\!)\s*(?=[0-9]{3})")
_THOUSANDS = re.compile(r"(?<![0-9.,])[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])")
_TOKEN = re.compile(
    r"(?P<num>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3}(?![0-9.]))?)"
    r"|(?P<cmd>\\[A-Za-z]+)|(?P<esc>\\.)|(?P<word>[A-Za-z]+)|(?P<space>\s+)|(?P<op>.)",
    re.DOTALL,
)
_WORDY = {"text", "mbox", "textbf", "textit", "textrm", "mathrm", "mathbf", "mathit", "mathsf", "mathcal", "mathbb", "operatorname", "hbox",
          "boldsymbol", "bm", "emph", "textsf", "texttt", "rm", "bf"}  # fmt: skip
_COMMANDS = {
    "\\leq": "\\le", "\\leqslant": "\\le", "\\geq": "\\ge", "\\geqslant": "\\ge", "\\neq": "\\ne", "\\lt": "<", "\\gt": ">", "\\dfrac": "\\frac",
    "\\tfrac": "\\frac", "\\cfrac": "\\frac", "\\dbinom": "\\binom", "\\tbinom": "\\binom", "\\degree": "\\circ", "\\lvert": "|", "\\rvert": "|",
    "\\vert": "|", "\\ast": "*", "\\times": "*", "\\cdot": "*", "\\div": "/", "\\lbrace": "\\{", "\\rbrace": "\\}", "\\lbrack": "[", "\\rbrack": "]",
    "\\langle": "(", "\\rangle": ")", "\\colon": ":", "\\mid": "|", "\\simeq": "\\approx", "\\land": ",", "\\lor": ",", "\\wedge": ",",
    "\\vee": ",", "\\varnothing": "\\emptyset", "\\exp": "exp", "\\infin": "\\infty", "\\slash": "/",
}  # fmt: skip
_PLAIN = {"pi": "\\pi", "infty": "\\infty", "inf": "\\infty", "infinity": "\\infty", "cup": "\\cup", "union": "\\cup", "theta": "\\theta",
          "degrees": "\\circ", "degree": "\\circ", "deg": "\\circ", "percent": "\\%", "oo": "\\infty"}  # fmt: skip
_GLUED = re.compile(r"(sin|cos|tan|cot|log|ln|sqrt|pi)([a-z])")


def cleaned(text: str) -> str:
    """Return an answer without parts that change no value: dollars, bracket sizes, kinds of space, a final period."""
    text = _THIN_COMMA.sub("", text.translate(_UNICODE_TABLE))
    text = _SPACE.sub(" ", _DROPPED.sub(" ", text.replace("\\\\", "\\cr ")))
    return text.strip().rstrip(".").strip()


def without_thousands(text: str) -> str:
    """Return the text without commas between groups of three digits, unless a bracket shows that they separate."""
    return (
        text
        if re.search(r"[(\[{]", text)
        else _THOUSANDS.sub(lambda match: match.group().replace(",", ""), text)
    )


def tokens(text: str) -> list[Token]:
    """Return tokens of a cleaned answer; raise UnreadableError if there are too many."""
    found: list[Token] = []
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        assert match is not None
        place = match.end()
        kind, piece = str(match.lastgroup), match.group()
        if kind == "num":
            found.append(Token("num", piece))
        elif kind == "cmd" and piece[1:] in _WORDY:
            words, place = _argument(text, place)
            if found and found[-1].text[-1:] in "0123456789})" and words.strip(" ~") in UNIT_LETTERS:
                found.append(Token("text", words.strip(" ~")))
            else:
                found += _of_words(piece[1:], words)
        elif kind in ("cmd", "esc"):
            found.append(_command(piece))
        elif kind == "word":
            found += _of_letters(piece, found)
        elif kind == "op":
            found.append(Token("op", piece))
        if len(found) > MOST_TOKENS:
            raise UnreadableError
    return found


def _argument(text: str, place: int) -> tuple[str, int]:
    """Return the content of the braces that open here, without inner braces, and their end; empty without braces."""
    while place < len(text) and text[place] == " ":
        place += 1
    if place >= len(text) or text[place] != "{":
        return "", place
    depth = 0
    for at in range(place, len(text)):
        depth += (text[at] == "{") - (text[at] == "}")
        if depth == 0:
            return text[place + 1 : at], at + 1
    raise UnreadableError


def _command(piece: str) -> Token:
    if piece[1:] in FUNCTIONS:
        return Token("cmd", piece[1:])
    name = _COMMANDS.get(piece, piece)
    return Token("op" if len(name) == 1 else "cmd", name)


def _of_words(command: str, words: str) -> list[Token]:
    """Return tokens of \\text{...} and similar commands."""
    words = re.sub(r"\\?~|\\ ", " ", words).strip()
    if command.startswith("math") or command in ("boldsymbol", "bm"):
        if re.fullmatch(r"[A-Za-z]|\\[A-Za-z]+", words):
            return [Token("sym", f"{command}{words}" if command == "mathbb" else words)]
        if re.fullmatch(r"[-+0-9.,()=]+", words):
            return tokens(words)
    low = words.casefold().strip(" ,;.")
    if low in ("and", "or", ""):
        return [Token("op", ",")] if words else []
    if low in _PLAIN or (low in FUNCTIONS and low != "sec"):
        return _of_letters(low, [])
    if "\\" not in words and re.search(r"[0-9]", words):
        return tokens(words)
    return [Token("text", " ".join(re.sub(r"[{}$]|\\[A-Za-z]+", " ", words).split()))]


def _of_letters(word: str, before: list[Token]) -> list[Token]:
    """Return tokens of a run of letters outside \\text: a function, a constant, a separator, a unit, else letters."""
    if word in FUNCTIONS:
        return [Token("cmd", word)]
    if word.casefold() in _PLAIN:
        return [Token("cmd", _PLAIN[word.casefold()])]
    if word.casefold() in ("and", "or"):
        return [Token("op", ",")]
    after_value = bool(before) and (
        before[-1].kind == "num" or before[-1].kind == "text" or before[-1].text in ("}", ")")
    )
    if word.casefold() in FACTORS or (after_value and known(word)):
        return [Token("text", word)]
    glued = _GLUED.fullmatch(word)
    if glued:
        return [*_of_letters(glued[1], before), Token("sym", glued[2])]
    return [Token("sym", word)] if len(word) > 3 else [Token("sym", letter) for letter in word]
