"""A check for right answers that cannot be read, made before a run begins: no response to them could ever score."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable

from sspo.errors import UserError, shown
from sspo.grading.graders import Graders
from sspo.types import Problem

LOOKED_AT = 2_000
"""Maximum number of right answers checked, at a hundred or more per processor second; others surface in training."""
SHOWN = 3
ESCAPED = re.compile(r"\\[\\{}]")
"""A line's end or a printed brace."""


def check_golds(problems: Iterable[Problem], graders: Graders) -> None:
    """Raise UserError if a right answer is empty of content or, boxed, is not judged right when compared with itself.

    They are counted, and the first three are named. Equal ones are checked once, LOOKED_AT at most.
    """
    named = ((gold, problem.id) for problem in problems for gold in problem.golds)
    first: dict[str, str] = {}
    for gold, problem in itertools.islice(named, 50 * LOOKED_AT):
        if gold not in first and len(first) < LOOKED_AT:
            first[gold] = problem
    statuses = graders.grade([f"\\boxed{{{gold}}}" for gold in first], [[gold] for gold in first])
    bad = [
        gold
        for gold, status in zip(first, statuses, strict=True)
        if status != "ok" or not says_something(gold)
    ]
    if not bad:
        return
    listed = ", ".join(f"{shown(gold)} of {first[gold]}" for gold in bad[:SHOWN])
    raise UserError(
        f"reward 'math_verify' cannot read {len(bad)} of {len(first)} right answers: {listed}"
        f"{', ...' if len(bad) > SHOWN else ''}; correct them, or leave these questions out"
    )


def says_something(gold: str) -> bool:
    """Return whether a right answer has a letter or a digit, does not end in `=`, and closes its braces and brackets.

    Round and square brackets are counted together, because [0, 1) is an interval. Texts that fail are equal to
    themselves, so that no comparison detects them.
    """
    bare = ESCAPED.sub("", gold)
    depth = 0
    for character in bare:
        depth += (character == "{") - (character == "}")
        if depth < 0:
            return False
    opened = sum(map(bare.count, "(["))
    return (
        depth == 0
        and opened == sum(map(bare.count, ")]"))
        and not gold.rstrip().endswith("=")
        and any(character.isalnum() or character in "∞∅" for character in gold)
    )
