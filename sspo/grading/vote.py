"""The answer of a response, as a text that equal answers share: a vote of maj@k.

Numbers are equal by value (`1/2`, `0.5` and `\\frac12` are one vote), anything else by its text without spaces. The
graders decide what is right, and all right answers are one vote whatever this module returns (sspo/metrics/at_k.py).
"""

from __future__ import annotations

from fractions import Fraction

from sspo.grading.second.answers import find_answer
from sspo.grading.second.grader import readings, squeezed
from sspo.grading.second.node import Node, UnreadableError, named
from sspo.grading.second.numbers import Number, UndefinedError
from sspo.grading.second.tokens import cleaned
from sspo.grading.second.values import evaluate

LONGEST = 200
"""Maximum characters of a vote; a longer text is not an answer to a question of these sets."""
DIGITS = 10
"""Significant digits of numbers that are not fractions."""


def vote(text: str) -> str | None:
    """Return the vote of a response, or None if it gives no answer."""
    for answer in map(cleaned, find_answer(text)):
        numbers = filter(None, map(_number, readings(answer)))
        said = next(numbers, squeezed(answer))
        if said and len(said) <= LONGEST:
            return said
    return None


def _number(tree: Node) -> str | None:
    """Return a number's value as text, or None if it is not a real number. `x = 5` and 5 degrees are 5."""
    if tree.op == "rel" and tree.name == "=" and len(tree.args) == 2 and named(tree.args[0]):
        tree = tree.args[1]
    if tree.op == "degree":
        (tree,) = tree.args
    try:
        value = evaluate(tree, _no_letter)
    except (UnreadableError, UndefinedError):
        return None
    if isinstance(value, Fraction):
        said = str(value)
        return said if len(said) <= LONGEST else None
    real = abs(value.z.imag) <= value.error
    return f"{value.z.real:.{DIGITS}g}" if real else None


def _no_letter(name: str) -> Number:
    raise UnreadableError
