"""The second grader: independent code, so that its errors differ from those of math-verify.

It finds an answer (answers.py), reads it and the gold answers as trees (tokens.py, tree.py) and compares those
(same.py). Numbers are fractions if possible, so that 0.1 + 0.2 is 0.3 and 0.333 is not 1/3; else they are equal within
a relative 1e-10. Expressions with letters are equal if their values agree at six fixed points. It is pure, executes
nothing that it reads, and its time is bounded: answers to 2,000 characters, 40 levels, exact numbers to 8,192 bits,
others to 1e308.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from sspo.grading.second.answers import LONGEST, find_answer
from sspo.grading.second.node import Node, UnreadableError
from sspo.grading.second.numbers import UndefinedError
from sspo.grading.second.same import same
from sspo.grading.second.tokens import cleaned, without_thousands
from sspo.grading.second.tree import read
from sspo.types import Score

CHOSEN = re.compile(r"(?:\\(?:text|textbf|mathrm|mathbf|mbox)\s*\{)?\s*\(?([A-J])\)[\s}:.,]*")


def judge(text: str, golds: Sequence[str]) -> Score:
    """Return Score(1, ok) if a response's answer is one of the gold answers, Score(0, wrong), or Score(0, unparsable)
    without a readable answer.

    text: a response. golds: right answers, LaTeX or plain, with or without dollars.
    """
    answers = [cleaned(answer) for answer in find_answer(text)]
    read_as = [reading for answer in answers for reading in readings(answer)]
    wanteds = [cleaned(gold) for gold in golds if len(gold) <= LONGEST]
    for wanted in wanteds:
        if any(squeezed(answer) == squeezed(wanted) != "" for answer in answers):
            return Score(value=1.0, status="ok")
    for wanted in wanteds:
        for wanted_tree in readings(wanted):
            if any(_same(reading, wanted_tree) for reading in read_as):
                return Score(value=1.0, status="ok")
    legible = any(_same(reading, reading) is not None for reading in read_as)
    return Score(value=0.0, status="wrong" if legible else "unparsable")


def _same(a: Node, b: Node) -> bool | None:
    """Return whether two trees are one answer, or None if one of them has no value at all."""
    try:
        return same(a, b)
    except (UnreadableError, UndefinedError):
        return None


def squeezed(answer: str) -> str:
    """Return an answer without spaces."""
    return re.sub(r"\s+", "", answer)


def readings(answer: str) -> list[Node]:
    """Return trees of a cleaned answer: with commas between thousands as one number, and unchanged; the choice that it
    begins with.
    """
    if not answer or len(answer) > LONGEST:
        return []
    trees = []
    for text in dict.fromkeys((without_thousands(answer), answer)):
        try:
            trees.append(read(text))
        except UnreadableError:
            continue
    choice = CHOSEN.match(answer)
    if choice and trees[:1] != [Node("text", name=choice[1])]:
        trees.append(Node("text", name=choice[1]))
    return trees
