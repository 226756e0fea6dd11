"""The measured counts as two committed files, and the cells that are in them."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.bench.error_rates import cells, claims
from tests.bench.error_rates.rate import Rate
from tests.bench.error_rates.worlds import WORLDS

HERE = Path(__file__).resolve().parent
FINDINGS, WORDS = HERE / "findings.csv", HERE / "words.csv"
SEEDS = {True: "shared", False: "own"}
FindingsKey = tuple[str, str, int]
"""World, seeds, runs."""
WordsKey = tuple[str, str, str, int, str]
"""World, comparisons, rule, runs, truth."""
Found = dict[FindingsKey, dict[str, Rate]]
Said = dict[WordsKey, dict[int, Rate]]


def measure(studies: int) -> Iterator[tuple[Found, Said]]:
    """One cell after the other."""
    for world in WORLDS:
        for shared, seeds in SEEDS.items():
            for runs in cells.RUNS:
                yield {(world.name, seeds, runs): cells.measure(world, shared, runs, studies)}, {}
    for world, shape, is_paired, runs in claims.cells():
        yield (
            {},
            words_of(claims.measure(world, shape, is_paired, runs, studies), world, shape, is_paired, runs),
        )


def words_of(
    found: Mapping[tuple[str, int], Rate], world: str, shape: claims.Shape, is_paired: bool, runs: int
) -> Said:
    """Rates by truth, then by the number of claims."""
    said: Said = {}
    for (truth, number), rate in found.items():
        key = world, shape.name, "paired" if is_paired else "unpaired", runs, truth
        said.setdefault(key, {})[number] = rate
    return said


def steps() -> int:
    """How many cells there are."""
    return len(WORLDS) * len(SEEDS) * len(cells.RUNS) + len(claims.cells())


def write(found: Found, said: Said) -> None:
    """Counts and studies, as `count/studies`."""
    what = [*cells.FINDINGS, *cells.MISSES, *cells.POWERS]
    _write(FINDINGS, ["world", "seeds", "runs", *what], (([*k], v, what) for k, v in found.items()))
    numbers = list(claims.CLAIMS)
    head = ["world", "comparisons", "rule", "runs", "truth", *(f"{n} claims" for n in numbers)]
    _write(WORDS, head, (([*k], v, numbers) for k, v in said.items()))


def _write(path: Path, head: list[str], rows: Iterator) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(head)
        for key, rates, what in rows:
            out.writerow(key + [f"{r.count}/{r.studies}" if (r := rates.get(w)) else "" for w in what])


def read() -> tuple[Found, Said]:
    """What was written."""
    found: Found = {}
    for row in _rows(FINDINGS):
        rates = {k: _rate(v) for k, v in list(row.items())[3:] if v}
        found[row["world"], row["seeds"], int(row["runs"])] = rates
    said: Said = {}
    for row in _rows(WORDS):
        key = row["world"], row["comparisons"], row["rule"], int(row["runs"]), row["truth"]
        said[key] = {int(k.split()[0]): _rate(v) for k, v in list(row.items())[5:]}
    return found, said


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _rate(text: str) -> Rate:
    count, studies = map(int, text.split("/"))
    return Rate(count, studies)
