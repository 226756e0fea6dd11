"""What a figure is: data made once, drawn for the paper and charted for the page, its caption, and where it comes from."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from matplotlib.figure import Figure as Printed

from analysis.figures.model import Chart
from analysis.logs.trace import Trace

Source = TypeVar("Source")
"""What a figure is made from: a study's evidence, or a replay."""
Data = TypeVar("Data")


@dataclass(frozen=True, kw_only=True)
class Figure(Generic[Source, Data]):
    """A figure that reports may have. Every module of one exports it as FIGURE; analysis.figures.catalogue lists them."""

    name: str
    data: Callable[[Source], Data | None]
    """None where there is nothing to show."""
    draw: Callable[[Source, Data], Printed | None]
    chart: Callable[[Source, Data], Chart | None]
    caption: Callable[[Source], str]
    """What it shows, in at most 40 words, and nothing that is true of the whole report."""
    notes: Callable[[Source], tuple[str, ...]] = lambda _: ()
    """How to read it, sentence by sentence: folded on the page."""
    trace: Callable[[Source], Trace]

    def of(self, source: Source | None) -> Shown:
        """This figure in one report."""
        return Shown(self, source)


@dataclass(frozen=True)
class Shown:
    """A figure of one report: print and page share its data. Without a source there is nothing to show."""

    figure: Figure[Any, Any]
    source: Any

    @functools.cached_property
    def data(self) -> Any:
        """Made when it is first asked for."""
        return None if self.source is None else self.figure.data(self.source)

    def printed(self) -> Printed | None:
        """As Matplotlib draws it."""
        return None if self.data is None else self.figure.draw(self.source, self.data)

    def chart(self) -> Chart | None:
        """As the page shows it."""
        return None if self.data is None else self.figure.chart(self.source, self.data)

    def caption(self) -> str:
        """What it shows, in words."""
        return self.figure.caption(self.source)

    def notes(self) -> tuple[str, ...]:
        """How to read it."""
        return self.figure.notes(self.source)


def charts(shown: Iterable[Shown]) -> dict[str, Chart]:
    """What the page shows, by name of the figure; those that there is no data for are left out."""
    return {one.figure.name: chart for one in shown if (chart := one.chart()) is not None}
