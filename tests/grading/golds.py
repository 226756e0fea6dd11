"""The right answers of five mathematics benchmarks, where the shared data is there."""

from __future__ import annotations

import json

from tests.shared_data import DATA

MATH = DATA / "math_eval"
SETS = {"aime24": 30, "amc23": 83, "math500": 500, "minerva": 351, "olympiadbench": 675}
"""Set -> right answers: 1,639 in all."""


def by_question(*names: str) -> list[list[str]]:
    """The right answers of each question of some sets."""
    lines = [line for name in names for line in (MATH / f"{name}.jsonl").read_text("utf-8").splitlines()]
    return [json.loads(line)["answers"] for line in lines]


def golds(*names: str) -> list[str]:
    """Every right answer of some sets."""
    return [gold for answers in by_question(*names) for gold in answers]


def some(count: int) -> list[str]:
    """So many of each set, evenly apart."""
    found = map(golds, SETS)
    return [gold for of_set in found for gold in of_set[:: max(1, len(of_set) // count)][:count]]
