"""What is printed at the end, and the JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from tests.cuda.part import Row
from tests.cuda.runner import Result


def table(results: Sequence[Result]) -> str:
    """A line a number: what, how much, and the most that passes."""
    rows = [row for result in results for row in result.rows]
    width = max((len(row.what) for row in rows), default=0)
    return "\n".join(line for result in results for line in _lines(result, width))


def _lines(result: Result, width: int) -> Iterator[str]:
    yield f"{result.part.name}: {result.state}, {result.seconds:.1f} s{f' ({result.why})' if result.why else ''}"
    for row in result.rows:
        mark = " " if row.passed else "!"
        limit = "" if row.limit is None else f"at most {number(row.limit)}"
        line = f"{mark} {row.what:{width}}  {number(row.value):>10} {row.unit:8}  {limit:17}  {row.note}"
        yield line.rstrip()


def number(value: float) -> str:
    """Four digits; counts as they are."""
    if value == int(value) if value == value and abs(value) < 1e15 else False:
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 1e4 else f"{value:.4g}"


def summary(here: Mapping[str, Any], device: str) -> str:
    """Where it ran, in a line."""
    card = (
        f"{here['card']} ({here['gib']} GiB, driver {here['driver']})"
        if device == "cuda"
        else f"{here['cpus']} CPUs"
    )
    versions = here["versions"]
    return (
        f"{card}; Python {here['python']}, torch {here['torch']} (CUDA {here['cuda']}), "
        f"transformers {versions['transformers']}"
    )


def as_json(here: Mapping[str, Any], device: str, size: str, results: Sequence[Result]) -> dict[str, Any]:
    """All of it; a row has `passed`, and `limit` null where it is told and not judged."""
    return {
        "machine": here,
        "device": device,
        "size": size,
        "passed": all(result.good for result in results),
        "parts": {result.part.name: _described(result) for result in results},
    }


def _described(result: Result) -> dict[str, Any]:
    return {
        "title": result.part.title,
        "state": result.state,
        "seconds": round(result.seconds, 2),
        "why": result.why,
        "rows": [_row(row) for row in result.rows],
    }


def _row(row: Row) -> dict[str, Any]:
    """JSON has no NaN: such a number is null, and has not passed where it has a limit."""
    finite = row.value == row.value and abs(row.value) != float("inf")
    return {**asdict(row), "value": row.value if finite else None, "passed": row.passed}
