"""Makes text from data inert in HTML, LaTeX, Markdown, CSV and Matplotlib, and what is unseen in it visible."""

from __future__ import annotations

import html
import re
import unicodedata

from analysis.text.latex_characters import printed
from sspo.console.visible import visible as visible  # other files take it from here


def latex(text: str) -> str:
    """Text that LaTeX prints as it stands, on one line, written in ASCII alone."""
    return "".join(map(printed, unicodedata.normalize("NFC", _seen_line(text))))


def markdown(text: str) -> str:
    """Text that GitHub prints as it stands, inside a table cell too."""
    inert = _seen_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|~$])", r"\\\1", inert)


def page(text: str) -> str:
    """Text that a browser shows as it stands, in an element or in an attribute in double quotes."""
    return html.escape(visible(text))


FORMULA = ("=", "+", "-", "@")


def csv_field(value: object) -> object:
    """A field of a CSV file; text that a spreadsheet would take for a formula begins with an apostrophe."""
    if not isinstance(value, str):
        return value
    text = _seen_line(value)
    return f"'{text}" if text.startswith(FORMULA) else text


def plot(text: str, characters: int) -> str:
    """Text that Matplotlib draws as it stands (no mathematics), cut to fit a legend; tables have it whole."""
    line = _seen_line(text)
    return (line if len(line) <= characters else line[: characters - 1].rstrip() + "…").replace("$", r"\$")


def _seen_line(text: str) -> str:
    """On one line, with nothing unseen in it. White space goes first: a tab is a blank and no control picture."""
    return visible(" ".join(text.split()))
