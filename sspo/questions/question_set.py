"""What a reader of questions hands on: problems in order, and a hash of all that is asked and right."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from sspo.errors import UserError, shown
from sspo.types import Problem


@dataclass(frozen=True)
class QuestionSet:
    """Questions with right answers."""

    digest: str
    """SHA-256 of ids, questions and right answers in their order."""
    load: Callable[[], Sequence[Problem]]
    """The problems. A set whose digest a lock knows is first read here; raises UserError where it cannot be."""


def question_set(problems: Iterable[Problem], where: str) -> QuestionSet:
    """A set that is at hand. Raises UserError where it is empty, or two questions have one id; `where` names it there."""
    asked = tuple(problems)
    if not asked:
        raise UserError(f"{where} holds no questions")
    seen: set[str] = set()
    for problem in asked:
        if problem.id in seen:
            raise UserError(f"{where} has two questions with the id {shown(problem.id)}; ids must differ")
        seen.add(problem.id)
    return QuestionSet(digest_of(asked), lambda: asked)


def digest_of(problems: Iterable[Problem]) -> str:
    """SHA-256 of ids, questions and right answers in their order."""
    digest = hashlib.sha256()
    for problem in problems:
        digest.update(json.dumps([problem.id, problem.prompt, *problem.golds]).encode() + b"\n")
    return digest.hexdigest()
