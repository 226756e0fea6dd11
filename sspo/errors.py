"""Errors meant for the person at the keyboard: one sentence, no traceback."""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Iterable

LISTED = 15  # names shown in a message before it is cut


SHORT = reprlib.Repr()
SHORT.maxstring = SHORT.maxother = 80
SHORT.maxlong = 40


class UserError(Exception):
    """What is wrong, what was got and what to set instead, in one sentence."""


class NotHere(UserError):
    """A model or questions that may well exist are not on this machine: a plan can do without them, a run cannot."""


def nearest(name: str, valid: Iterable[str]) -> str | None:
    """The valid name most like `name`, or None where nothing resembles it."""
    matches = difflib.get_close_matches(name, list(valid), n=1, cutoff=0.4)
    return matches[0] if matches else None


def shown(value: object) -> str:
    """A value as messages repeat it: in full where it is short, else its beginning."""
    return SHORT.repr(value)


def unknown(kind: str, name: str, valid: Iterable[str]) -> UserError:
    """The sentence for a name that is not one of `valid`; the nearest valid name comes first."""
    choices = sorted(valid)
    close = nearest(name, choices)
    hint = f"did you mean '{close}'? " if close else ""
    listed = choices if len(choices) <= LISTED else siblings(name, choices)
    listing = ", ".join(listed[:LISTED]) + (", ..." if len(listed) > LISTED else "")
    return UserError(
        f"unknown {kind} '{name if len(name) <= 80 else name[:77] + '...'}': {hint}valid: {listing}"
    )


def siblings(name: str, choices: Iterable[str]) -> list[str]:
    """Of many names with dots, those beside `name`: what the longest known group that it begins with holds, groups with `.*`."""
    known = list(choices)
    group = name
    while group := group.rpartition(".")[0]:
        if any(choice.startswith(f"{group}.") for choice in known):
            break
    start = f"{group}." if group else ""
    beside = [choice.removeprefix(start) for choice in known if choice.startswith(start)]
    return sorted({start + (f"{rest.partition('.')[0]}.*" if "." in rest else rest) for rest in beside})
