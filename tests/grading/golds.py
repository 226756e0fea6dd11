"""The right answers of five mathematics benchmarks, where the shared data is there."""

from __future__ import annotations

import json
from pathlib import Path

MATH = Path(__file__).resolve().parents[3] / "shared" / "data" / "math_eval"
SETS = {"aime24": 30, "amc23": 83, "math500": 500, "minerva": 351, "olympiadbench": 675}
"""Set -> right answers: 1,639 in all."""
LACK = f"the benchmarks are not there: {MATH}"


def golds(name: str) -> list[str]:
    """Every right answer of a set."""
    lines = (MATH / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [answer for line in lines for answer in json.loads(line)["answers"]]


def some(count: int) -> list[str]:
    """So many of each set, evenly apart."""
    found = map(golds, SETS)
    return [gold for of_set in found for gold in of_set[:: max(1, len(of_set) // count)][:count]]
