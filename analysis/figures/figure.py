"""The definition of a figure: data computed once, drawn for the paper and charted for the page, its caption,
and its origin.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from matplotlib.figure import Figure as Printed

from analysis.figures.model import Chart
from analysis.logs.trace import Trace

Source = TypeVar("Source")
"""The source of a figure: a study's evidence, or a replay."""
Data = TypeVar("Data")


@dataclass(frozen=True, kw_only=True)
class Figure(Generic[Source, Data]):
    """A figure that reports may have. Each figure's module exports it as FIGURE; analysis.figures.catalogue
    lists them.
    """

    name: str
    data: Callable[[Source], Data | None]
    """None if there is nothing to show."""
    draw: Callable[[Source, Data], Printed | None]
    chart: Callable[[Source, Data], Chart | None]
    caption: Callable[[Source], str]
    """What it shows, in at most 40 words, without what holds for the whole report."""
    notes: Callable[[Source], tuple[str, ...]] = lambda _: ()
    """How to read it, sentence by sentence: folded on the page."""
    trace: Callable[[Source], Trace]

    def of(self, source: Source | None) -> Shown:
        """Return this figure in one report."""
        return Shown(self, source)


@dataclass(frozen=True)
class Shown:
    """A figure of one report: print and page share its data. Without a source there is nothing to show."""

    figure: Figure[Any, Any]
    source: Any

    @functools.cached_property
    def data(self) -> Any:
        """The figure's data, computed on first use."""
        return None if self.source is None else self.figure.data(self.source)

    def printed(self) -> Printed | None:
        """Return the figure as Matplotlib draws it."""
        return None if self.data is None else self.figure.draw(self.source, self.data)

    def chart(self) -> Chart | None:
        """Return the figure as the page shows it."""
        return None if self.data is None else self.figure.chart(self.source, self.data)

    def caption(self) -> str:
        """Return the caption."""
        return self.figure.caption(self.source)

    def notes(self) -> tuple[str, ...]:
        """Return how to read it."""
        return self.figure.notes(self.source)


def charts(shown: Iterable[Shown]) -> dict[str, Chart]:
    """Return the charts of the page by figure name, without figures that have no data."""
    return {one.figure.name: chart for one in shown if (chart := one.chart()) is not None}
