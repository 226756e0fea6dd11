"""Durations and lists as people say them."""

from __future__ import annotations

from collections.abc import Sequence


def duration(seconds: float | None) -> str:
    """`unknown`, `42 s`, `3 min 20 s` or `2 h 05 min`."""
    if seconds is None:
        return "unknown"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def listed(sentences: Sequence[str]) -> str:
    """The first, and how many more there are."""
    rest = len(sentences) - 1
    return sentences[0] + (f"; and {rest} more" if rest else "")
