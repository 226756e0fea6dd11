"""Errors for users: one sentence, no traceback."""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Iterable

LISTED = 15  # names shown in a message before it is cut


SHORT = reprlib.Repr()
SHORT.maxstring = SHORT.maxother = 80
SHORT.maxlong = 40


class UserError(Exception):
    """One sentence: what is wrong, what was got and what to set instead."""


class NotHere(UserError):
    """A model or questions that may exist are not on this machine: a plan can do without them, a run cannot."""


class NoEffect(UserError):
    """An option of a configuration is set, and nothing in it uses the option: `key`, or the group of that name."""

    def __init__(self, key: str, message: str):
        super().__init__(message)
        self.key = key


class RunFailed(Exception):
    """A run that ended for a named reason: one of the failures of sspo/runs/runlog.py, and one sentence."""

    def __init__(self, reason: str, message: str, log_tail: str = ""):
        super().__init__(message)
        self.reason = reason
        self.log_tail = log_tail


def nearest(name: str, valid: Iterable[str]) -> str | None:
    """Return the valid name most like `name`, or None if nothing resembles it. Two swapped letters are the likeliest slip."""
    choices = list(valid)
    swapped = {name[:i] + name[i + 1] + name[i] + name[i + 2 :] for i in range(min(len(name), 80) - 1)} - {
        name
    }
    matches = [choice for choice in choices if choice in swapped]
    matches += difflib.get_close_matches(name, choices, n=1, cutoff=0.4)
    return matches[0] if matches else None


def shown(value: object) -> str:
    """Return a value as repeated in messages: in full if it is short, else its beginning."""
    return SHORT.repr(value)


def unknown(kind: str, name: str, valid: Iterable[str]) -> UserError:
    """Return the error for a name that is not one of `valid`; the nearest valid name comes first."""
    choices = sorted(valid)
    close = nearest(name, choices)
    hint = f"did you mean '{close}'? " if close else ""
    listed = choices if len(choices) <= LISTED else siblings(name, choices)
    listing = ", ".join(listed[:LISTED]) + (", ..." if len(listed) > LISTED else "")
    return UserError(
        f"unknown {kind} '{name if len(name) <= 80 else name[:77] + '...'}': {hint}valid: {listing}"
    )


def siblings(name: str, choices: Iterable[str]) -> list[str]:
    """Return the dotted names beside `name`: the members of the longest known group that it begins with, groups with
    `.*`.
    """
    known = list(choices)
    group = name
    while group := group.rpartition(".")[0]:
        if any(choice.startswith(f"{group}.") for choice in known):
            break
    start = f"{group}." if group else ""
    beside = [choice.removeprefix(start) for choice in known if choice.startswith(start)]
    return sorted({start + (f"{rest.partition('.')[0]}.*" if "." in rest else rest) for rest in beside})
