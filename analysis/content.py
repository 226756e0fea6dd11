"""The content of a report, apart from the pages and files that render it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from analysis.answer.first_screen import FirstScreen
from analysis.checks.gates import Gate
from analysis.claims.section import Judged
from analysis.evidence.evidence import Evidence
from analysis.evidence.replay import Replay
from analysis.figures.files import Drawn
from analysis.figures.model import Chart
from analysis.logs.trace import Trace
from analysis.text.table import Table

FOREST = "difference_to_baseline"
"""Name of the figure that answers a study's question."""
RESULTS = "results"


@dataclass(frozen=True)
class Report:
    """The content of a report; pages are renderings of it."""

    evidence: Evidence
    first: FirstScreen
    replay: Replay | None
    gates: list[Gate]
    tables: list[Table]
    figures: list[Drawn]
    charts: Mapping[str, Chart]
    verdicts: list[Judged]
    sections: Mapping[str, Trace]
    """The trace of each section of prose, including sections that the report does not have."""
    data: list[Table] = field(default_factory=list)
    """Verdicts and gates, which pages show as sections; the only file written for them is a CSV."""

    @property
    def results(self) -> Table | None:
        """The results table; None if no run is scored on the primary metric."""
        return next((table for table in self.tables if table.name == RESULTS), None)

    @property
    def other_tables(self) -> list[Table]:
        """All tables except the results table."""
        return [table for table in self.tables if table.name != RESULTS]
