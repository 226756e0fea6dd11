"""Numbers in raised digits, for the bars between groups of tokens."""

from __future__ import annotations

RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def raised(number: int) -> str:
    """Return a number in raised digits: 12 is ¹²."""
    return str(number).translate(RAISED)
