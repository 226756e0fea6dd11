"""The tuned arms at their own defaults, on the fresh seeds: a family of tests of its own."""

from __future__ import annotations

from dataclasses import replace

from analysis.evidence.evidence import Evidence
from analysis.evidence.tuning import tuning_of
from analysis.tables.results import primary_results
from analysis.text.table import Table


def default_results(evidence: Evidence) -> Table | None:
    """Return the results of the arms at their defaults; None unless the study confirms defaults and one of them is scored."""
    tuning = tuning_of(evidence)
    if tuning is None or tuning.defaults is None:
        return None
    table = primary_results(tuning.defaults)
    if table is None:
        return None
    own = "A family of its own: p, bold and intervals are among the arms at their defaults, never against a tuned arm."
    return replace(
        table,
        name="results_default",
        title="Results at the defaults",
        caption=(
            "The tuned arms at their own defaults, on the seeds on which the tuned points were trained, and their differences from the "
            "baseline at its default.",
        ),
        notes=(own, *table.notes),
    )
