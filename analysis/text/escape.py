"""Makes text from data inert in HTML, LaTeX, Markdown, CSV and Matplotlib, and invisible characters in it
visible.
"""

from __future__ import annotations

import html
import re
import unicodedata

from analysis.text.latex_characters import printed
from sspo.console.visible import visible as visible  # other files take it from here


def latex(text: str) -> str:
    """Return text that LaTeX prints literally, on one line, in ASCII."""
    return "".join(map(printed, unicodedata.normalize("NFC", _seen_line(text))))


def markdown(text: str) -> str:
    """Return text that GitHub shows literally, including in a table cell."""
    inert = _seen_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|~$])", r"\\\1", inert)


def page(text: str) -> str:
    """Return text that a browser shows literally, in an element or in an attribute in double quotes."""
    return html.escape(visible(text))


FORMULA = ("=", "+", "-", "@")


def csv_field(value: object) -> object:
    """Return a field of a CSV file; text that a spreadsheet would read as a formula gets a leading
    apostrophe.
    """
    if not isinstance(value, str):
        return value
    text = _seen_line(value)
    return f"'{text}" if text.startswith(FORMULA) else text


def plot(text: str, characters: int) -> str:
    """Return text that Matplotlib draws literally (no mathematics), cut to fit a legend; tables show all of
    it.
    """
    line = _seen_line(text)
    return (line if len(line) <= characters else line[: characters - 1].rstrip() + "…").replace("$", r"\$")


def _seen_line(text: str) -> str:
    """Return text on one line with invisible characters made visible. White space is joined first: a tab
    becomes a blank.
    """
    return visible(" ".join(text.split()))
