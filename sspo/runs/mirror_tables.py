"""Evaluations and samples as a mirror shows them: means per set and decoding, and tables of answers and of responses.

Keys: docs/metrics.md, "In the mirror alone".
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean
from typing import Any

from sspo.metrics.raised import raised
from sspo.runs.runlog import Row

STATUSES = ("ok", "wrong", "unparsable", "timeout", "crashed", "truncated")
"""The keys of sspo.types.STATUSES, repeated here because that module loads torch."""
AVERAGE = "average"
EVALUATED, CURVE = "eval", "curve"
"""Key prefixes of the last evaluation, and of the smaller ones before it."""
ANSWERS, SAMPLES = "answers", "samples"
"""Keys of tables."""
MOST_ROWS = 10_000
"""Rows per table: the limit of W&B for a table in a file."""
LONGEST_ANSWER = 200
"""Characters of an answer; a longer one is cut, with a digest that identifies it."""
CUT = "│"
"""Between two segments of a response."""
ALWAYS = ("set", "question", "sample", "mode", "temperature", "value", "status", "tokens", "rollout", "place")
WHERE_LOGGED = ("second", "answer")
"""Columns of answers that only some runs log."""


@dataclass(frozen=True)
class Table:
    """Columns, and rows of their values."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


def decoding(row: Row) -> str:
    """Return how an answer was drawn, as in keys: `greedy`, or `sampled_0.6` at T = 0.6."""
    return "greedy" if row["mode"] == "greedy" else f"sampled_{row['temperature']:g}"


def summary(rows: Sequence[Row], *, final: bool) -> dict[str, float]:
    """Return the means of one evaluation by key: a set's score is the mean over questions of the mean over samples, and
    the average is unweighted over sets. The share of each status and the mean number of tokens accompany each score.
    """
    found: dict[str, float] = {}
    for how, drawn in _by(rows, decoding).items():
        of_sets = {name: _of_set(group) for name, group in _by(drawn, lambda row: row["set"]).items()}
        keys = list(next(iter(of_sets.values())))
        of_sets[AVERAGE] = {key: fmean(one[key] for one in of_sets.values()) for key in keys}
        for name, one in of_sets.items():
            head = f"{EVALUATED}/{name}/{how}" if final else f"{CURVE}/{name}"
            found |= {f"{head}/{key}" if key else head: value for key, value in one.items()}
    return found


def _of_set(rows: Sequence[Row]) -> dict[str, float]:
    questions = _by(rows, lambda row: row["question"]).values()
    shares = {name: fmean(row["status"] == name for row in rows) for name in STATUSES}
    score = fmean(fmean(float(row["value"]) for row in of_one) for of_one in questions)
    return {"": score, **shares, "tokens": fmean(row["tokens"] for row in rows)}


def answer_tables(rows: Sequence[Row]) -> dict[str, Table]:
    """Return every answer of an evaluation without its text, in tables of at most MOST_ROWS rows by set and decoding;
    `place` is its position in the evaluation.
    """
    columns = (*ALWAYS, "truncated", *(name for name in WHERE_LOGGED if any(name in row for row in rows)))
    tables: dict[str, Table] = {}
    placed = [{**row, "place": place} for place, row in enumerate(rows)]
    for name, group in _by(placed, lambda row: f"{_plain(row['set'])}/{decoding(row)}").items():
        lines = [tuple(_cell(row, column) for column in columns) for row in group]
        for part, begin in enumerate(range(0, len(lines), MOST_ROWS), 1):
            key = f"{ANSWERS}/{name}" + (f"/part{part}" if len(lines) > MOST_ROWS else "")
            tables[key] = Table(columns, tuple(lines[begin : begin + MOST_ROWS]))
    return tables


def _cell(row: Row, column: str) -> Any:
    if column == "truncated":
        return row["status"] == "truncated"
    value = row.get(column)
    return _short(value) if column == "answer" and value is not None else value


def _short(text: str) -> str:
    if len(text) <= LONGEST_ANSWER:
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{text[: LONGEST_ANSWER - 27]}... sha256 {digest}"


def sample_table(rows: Iterable[Row]) -> dict[str, Table]:
    """Return the sampled responses of one rollout as a table: prompt, response with its cuts, and score."""
    columns = (
        "rollout",
        "row",
        "question",
        "response",
        "cuts",
        "reward",
        "status",
        "truncated",
        "advantage",
        "tokens",
    )
    lines = tuple(
        (
            row["rollout"],
            row["row"],
            row["prompt"],
            "".join(row["texts"]),
            _cut(row["texts"], row["segment_ids"]),
            row.get("reward"),
            row.get("status"),
            row.get("status") == "truncated",
            row["advantage"],
            len(row["texts"]),
        )
        for row in rows
    )
    return {SAMPLES: Table(columns, lines)}


def _cut(texts: Sequence[str], segment_ids: Sequence[int]) -> str:
    """Return the response with a bar at every cut. If segments are groups of tokens, bars have the number of the group that
    follows.
    """
    grouped = any(after < before for before, after in pairwise(segment_ids))
    text = texts[0] if texts else ""
    for (before, after), more in zip(pairwise(segment_ids), texts[1:], strict=True):
        number = raised(after + 1) if grouped else ""
        text += f"{CUT}{number}{more}" if before != after else more
    return text


def _plain(name: str) -> str:
    """Return a set's name as a part of a file name."""
    return re.sub(r"[^\w.+-]+", "_", name)


def _by(rows: Iterable[Row], key: Any) -> Mapping[Any, list[Row]]:
    """Return rows in groups, in order of first appearance."""
    found: dict[Any, list[Row]] = {}
    for row in rows:
        found.setdefault(key(row), []).append(row)
    return found
