"""Pieces of text that several rooms write: a list in a sentence, and a fold in Markdown."""

from __future__ import annotations

from collections.abc import Sequence


def in_words(items: Sequence[str]) -> str:
    """Return `a`, `a and b` or `a, b and c`."""
    *first, last = items
    return f"{', '.join(first)} and {last}" if first else last


def folded(summary: str, content: str) -> str:
    """Return Markdown that GitHub opens when its summary is clicked."""
    return f"<details><summary>{summary}</summary>\n\n{content}\n\n</details>"
