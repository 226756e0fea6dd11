"""Finds the cells, figures and sections that depend on given streams of given runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from analysis.logs.trace import RECORD, pairs
from analysis.verify.why import cell_name


def touched(content: Mapping[str, Any], different: set[tuple[str, int]]) -> tuple[list[str], list[str]]:
    """Return the names of whatever reads one of `different` (stream, run), and of cells whose emphasis alone
    depends on one.

    A run's record (its state and configuration) is behind everything that reads the run.
    """
    records = {run for stream, run in different if stream == RECORD}
    direct, adjusted = [], []
    for name, trace in traces(content):
        if _meets(trace["reads"], different, records):
            direct.append(name)
        elif _meets(trace.get("decides", ()), different, records):
            adjusted.append(name)
    return direct, adjusted


def everything(content: Mapping[str, Any]) -> list[str]:
    """Return the names of all cells, figures and sections."""
    return [name for name, _ in traces(content)]


def traces(content: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the name and trace of each cell, figure and section."""
    for name, table in content["tables"].items():
        for row, column, _, trace in table["cells"]:
            yield cell_name(name, row, column), trace
    for name, trace in content["figures"].items():
        yield f"figure {name}", trace
    yield from content["sections"].items()


def _meets(groups: Any, different: set[tuple[str, int]], records: set[int]) -> bool:
    read = pairs(groups)
    return bool(read & different) or any(run in records for _, run in read)
