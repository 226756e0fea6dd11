"""A row -> a problem: which columns hold the question, its right answers and its id, and what they may hold."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sspo.errors import UserError, nearest, shown
from sspo.questions.golds import plain
from sspo.types import Problem

Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Names of columns."""

    question: str = "question"
    answer: str = "answer"
    """A text or a number, or a list of answers that are equally right."""
    id: str = "id"
    """A set without the column names its questions by their place, from 1."""


def problems(
    rows: Iterable[tuple[int, Row]],
    columns: Columns,
    where: str,
    *,
    gold: Callable[[str], str] = plain,
    remedies: Mapping[str, str] | None = None,
) -> Iterator[Problem]:
    """A problem a row; rows come with their line or place. Raises UserError for the first row that makes none.

    `where` names the file or set in messages, `remedies` an option for each of the columns question and answer.
    """
    for place, row in rows:
        at = f"{where}, line {place}"
        question = _cell(row, columns.question, at, (remedies or {}).get("question", ""))
        answer = _cell(row, columns.answer, at, (remedies or {}).get("answer", ""))
        golds = _golds(answer, gold, f"{at}, column '{columns.answer}'")
        yield Problem(
            id=str(place)
            if row.get(columns.id) is None
            else _text(row[columns.id], f"{at}, column '{columns.id}'"),
            prompt=_question(question, f"{at}, column '{columns.question}'"),
            answer=golds[0],
            alternatives=golds[1:],
        )


def _cell(row: Row, column: str, at: str, remedy: str) -> Any:
    if column not in row:
        close = nearest(column, row)
        hint = f"did you mean '{close}'? " if close else ""
        raise UserError(
            f"{at}: no column '{column}': {hint}it has {', '.join(map(shown, sorted(row)[:15])) or 'none'}"
            + (f"; set {remedy}=NAME" if remedy else "")
        )
    return row[column]


def _question(value: Any, at: str) -> str:
    if not isinstance(value, str):
        raise UserError(f"{at}: a question must be text, got {shown(value)}")
    if not value.strip():
        raise UserError(f"{at}: the question is empty")
    return value


def _golds(value: Any, gold: Callable[[str], str], at: str) -> tuple[str, ...]:
    """The right answers, each once, in their order."""
    given = value if isinstance(value, list | tuple) else [value]
    if not given:
        raise UserError(f"{at}: the list of answers is empty")
    found: dict[str, None] = {}
    for item in given:
        try:
            answer = gold(_text(item, at))
        except ValueError as error:
            raise UserError(f"{at}: {error}") from error
        if not answer:
            raise UserError(f"{at}: the answer is empty")
        found[answer] = None
    return tuple(found)


def _text(value: Any, at: str) -> str:
    """A text, or a number as people write it: 142.0 is 142."""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, float) and math.isfinite(value):
        return str(int(value)) if value.is_integer() else repr(value)
    raise UserError(f"{at}: must be text or a number, got {shown(value)}")
