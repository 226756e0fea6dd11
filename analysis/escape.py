"""Makes text from data inert in LaTeX, Markdown and Matplotlib; HTML has html.escape."""

from __future__ import annotations

import re

LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "±": r"$\pm$",
    "−": r"$-$",
    "–": "--",
    "√": r"$\surd$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "×": r"$\times$",
    "·": r"$\cdot$",
    "Δ": r"$\Delta$",
    "ε": r"$\varepsilon$",
    "α": r"$\alpha$",
}


def latex(text: str) -> str:
    """Text that LaTeX prints as it stands, on one line."""
    return "".join(LATEX.get(character, character) for character in _line(text))


def markdown(text: str) -> str:
    """Text that GitHub prints as it stands, inside a table cell too."""
    inert = _line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|~$])", r"\\\1", inert)


def plot(text: str, characters: int) -> str:
    """Text that Matplotlib draws as it stands (no mathematics), cut to fit a legend; tables have it whole."""
    line = _line(text)
    return (line if len(line) <= characters else line[: characters - 1].rstrip() + "…").replace("$", r"\$")


def _line(text: str) -> str:
    return " ".join(text.split())
