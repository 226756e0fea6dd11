"""A row -> a problem: the columns of its question, right answers and id, and the checks of their values."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
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
    """A set without the column, or with null in all of it, identifies its questions by their position, from 1."""


def problems(
    rows: Iterable[tuple[int, Row]],
    columns: Columns,
    where: str,
    *,
    gold: Callable[[str], str] = plain,
    remedies: Mapping[str, str] | None = None,
) -> Iterator[Problem]:
    """Yield one problem per row; rows come with their line or position. Raises UserError for the first invalid row.

    `where` names the file or set in messages; `remedies` names an option for each of the columns question, answer and,
    if it is required, id.
    """
    options = remedies or {}
    first: tuple[int, bool] | None = None
    for place, row in rows:
        at = f"{where}, line {place}"
        question = _cell(row, columns.question, at, options.get("question", ""))
        answer = _cell(row, columns.answer, at, options.get("answer", ""))
        if "id" in options:
            _cell(row, columns.id, at, options["id"])
        first = first or (place, row.get(columns.id) is not None)
        _refuse_mixture(row, columns.id, at, *first)
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


def _refuse_mixture(row: Row, column: str, at: str, first: int, first_has: bool) -> None:
    """Raise UserError for a row with an id in a set whose first row, at line `first`, has none, or the reverse."""
    has = row.get(column) is not None
    if has != first_has:
        raise UserError(
            f"{at}: {'an' if has else 'no'} id in column '{column}', but line {first} has {'one' if first_has else 'none'}: "
            "give every question an id, or none of them"
        )


def _question(value: Any, at: str) -> str:
    if not isinstance(value, str):
        raise UserError(f"{at}: a question must be text, got {shown(value)}")
    if not value.strip():
        raise UserError(f"{at}: the question is empty")
    return value


def _golds(value: Any, gold: Callable[[str], str], at: str) -> tuple[str, ...]:
    """Return the right answers, each once, in their order."""
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


def _written(number: str) -> str:
    """Return a decimal number without an exponent; any zero is 0."""
    return format(Decimal(number) or Decimal(0), "f")


def _text(value: Any, at: str) -> str:
    """Return a text, or a number as people write it: 142.0 is 142."""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, float) and math.isfinite(value):
        return _written(repr(value)).removesuffix(".0")
    raise UserError(f"{at}: must be text or a number, got {shown(value)}")
