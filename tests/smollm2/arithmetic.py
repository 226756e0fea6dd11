"""`python tests/smollm2/arithmetic.py FOLDER`: the questions of the study short_arithmetic, one-digit sums in three wordings.

The kind was chosen on the probe questions of several kinds, before anything was trained (reports/LOG.md has what was tried). The three sets
share no sum, in either order of its numbers.
"""

from __future__ import annotations

import json
import random
import sys
from itertools import combinations_with_replacement
from pathlib import Path

SIZES = {"probe": 64, "test": 100}
"""Questions of a set; what is left is trained on."""
SEED = 0
WORDINGS = (
    "What is {one} + {other}? Answer with the number alone.",
    "Answer with the number alone: what is {one} + {other}?",
    "How much is {one} + {other}? Answer with the number alone.",
)


def question_sets() -> dict[str, list[dict[str, str]]]:
    """Rows of probe, test and train; the same at every call."""
    rng = random.Random(SEED)
    pairs = list(combinations_with_replacement(range(10), 2))
    rng.shuffle(pairs)
    found = {}
    for name, size in SIZES.items():
        asked: list[tuple[str, int]] = []
        while len(asked) < size:
            asked += _asked(*pairs.pop())
        found[name] = asked[:size]
    found["train"] = [question for pair in pairs for question in _asked(*pair)]
    return {name: _rows(name, asked, rng) for name, asked in found.items()}


def _asked(one: int, other: int) -> list[tuple[str, int]]:
    """Questions for a sum in both orders of its numbers, with their answer."""
    orders = sorted({(one, other), (other, one)})
    return [(wording.format(one=a, other=b), a + b) for a, b in orders for wording in WORDINGS]


def _rows(name: str, asked: list[tuple[str, int]], rng: random.Random) -> list[dict[str, str]]:
    rng.shuffle(asked)
    return [
        {"id": f"{name}/{number:03d}", "question": question, "answer": str(answer)}
        for number, (question, answer) in enumerate(asked)
    ]


def write_questions(folder: Path) -> None:
    """Write a file a set; the same bytes at every call."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in question_sets().items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


if __name__ == "__main__":
    write_questions(Path(sys.argv[1]))
