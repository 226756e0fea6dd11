"""The result of a reader of questions: problems in order, and a hash of all questions and right answers."""

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
    """The problems. A set whose digest is in a lock is first read here; raises UserError if it cannot be."""


def question_set(problems: Iterable[Problem], where: str) -> QuestionSet:
    """Return a set that is in memory. Raises UserError if it is empty, or two questions share an id; `where` names it
    in messages.
    """
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
    """Return the SHA-256 of ids, questions and right answers in their order."""
    digest = hashlib.sha256()
    for problem in problems:
        digest.update(json.dumps([problem.id, problem.prompt, *problem.golds]).encode() + b"\n")
    return digest.hexdigest()
