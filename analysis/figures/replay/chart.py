"""Shared parts of the charts of a replay: lines over runs, their axis, and their numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import pandas as pd

from analysis.figures.model import SYMLOG, Axis, Line, Mark, Numbers, Series, number
from analysis.figures.style import HIGHEST
from analysis.text.rounding import rounded


def mean_of_runs(series: Series, table: pd.DataFrame) -> Line:
    """Return a line with one column per run, and their mean."""
    return Line(
        series=series,
        x=[float(x) for x in table.index],
        mean=table.mean(axis=1).tolist(),
        runs=table.to_numpy().T.tolist(),
    )


def clipped(lines: Iterable[Line]) -> Axis:
    """Return an axis from zero to beyond the highest run."""
    highest = max([0.01, *(y for line in lines for run in line.runs for y in run if math.isfinite(y))])
    return Axis(label="clipped share of active tokens %", low=0.0, high=HIGHEST * highest, scale=SYMLOG)


def shown(everyone: Iterable[Series], drawn: Iterable[Line | Mark]) -> list[Series]:
    """Return the series for which anything is drawn."""
    used = {one.series for one in drawn}
    return [series for series in everyone if series in used]


def numbers(title: str, first: str, lines: Sequence[Line]) -> Numbers:
    """Return one row per value of x that any line has."""
    places = sorted({x for line in lines for x in line.x})
    means = [dict(zip(line.x, line.mean, strict=True)) for line in lines]
    rows = [[rounded(x, ".4g"), *(number(mean.get(x, math.nan)) for mean in means)] for x in places]
    heads = [(first, None), *((line.series.label, line.series.number) for line in lines)]
    return Numbers(title=title, heads=heads, rows=rows)
