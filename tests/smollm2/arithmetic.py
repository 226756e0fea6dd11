"""`python tests/smollm2/arithmetic.py FOLDER`: short arithmetic questions of several kinds, to probe, to train on and to test.

Which kind the committed study asks was decided on the probe questions alone, before anything was trained. No question is in two of
the three sets.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable, Iterator, Mapping
from itertools import product
from pathlib import Path

SIZES = {"probe": 64, "test": 100, "train": 400}
SEED = 0
ONE, TWO = range(2, 10), range(10, 100)
Asked = tuple[str, int]


def _sums(*ranges: range) -> Iterator[Asked]:
    for numbers in product(*ranges):
        yield f"What is {' + '.join(map(str, numbers))}?", sum(numbers)


def _products() -> Iterator[Asked]:
    for one, other in product(TWO, ONE):
        yield f"What is {one} x {other}?", one * other


def _differences() -> Iterator[Asked]:
    for one, other in product(TWO, TWO):
        if other < one:
            yield f"What is {one} - {other}?", one - other


KINDS: Mapping[str, Callable[[], Iterator[Asked]]] = {
    "two_digits_and_one": lambda: _sums(TWO, ONE),
    "two_digits_twice": lambda: _sums(TWO, TWO),
    "three_of_one_digit": lambda: _sums(ONE, ONE, range(2, 12)),
    "products": _products,
    "differences": _differences,
}


def write_questions(folder: Path, kind: str) -> None:
    """Write probe.jsonl, test.jsonl and train.jsonl of a kind; the same bytes at every call."""
    drawn = random.Random(f"{SEED} {kind}").sample(sorted(KINDS[kind]()), sum(SIZES.values()))
    folder.mkdir(parents=True, exist_ok=True)
    for name, size in SIZES.items():
        rows = [
            {"id": f"{name}/{number:03d}", "question": question, "answer": str(answer)}
            for number, (question, answer) in enumerate(drawn[:size])
        ]
        drawn = drawn[size:]
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


if __name__ == "__main__":
    for each in KINDS:
        write_questions(Path(sys.argv[1]) / each, each)
