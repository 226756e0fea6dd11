"""What a report says, apart from the pages and files that say it."""

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
"""The figure that answers a study's question."""
RESULTS = "results"


@dataclass(frozen=True)
class Report:
    """What a report says; pages are renderings of it."""

    evidence: Evidence
    first: FirstScreen
    replay: Replay | None
    gates: list[Gate]
    tables: list[Table]
    figures: list[Drawn]
    charts: Mapping[str, Chart]
    verdicts: list[Judged]
    sections: Mapping[str, Trace]
    """Where each section of prose comes from; of sections that the report does not have, too."""
    data: list[Table] = field(default_factory=list)
    """Verdicts and gates, which pages show as sections: of files they have CSV alone."""

    @property
    def results(self) -> Table | None:
        """The first table; None where no run is scored on the primary metric."""
        return next((table for table in self.tables if table.name == RESULTS), None)

    @property
    def other_tables(self) -> list[Table]:
        """All tables but that one."""
        return [table for table in self.tables if table.name != RESULTS]
