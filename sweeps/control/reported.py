"""The report after a sweep or a replay. `analysis` runs as a separate process: it is called by name, not imported."""

from __future__ import annotations

import sys

from sspo.console.spoken import report_module
from sweeps.plan.plan import Plan
from sweeps.workers.signals import run_in_foreground


def write_report(word: str, plan: Plan, *options: str) -> int:
    """Write the report of a plan's study by the command `word` of `analysis`. Returns its exit status."""
    where = ["--preset", plan.preset, "--store", str(plan.store)]
    return run_in_foreground([sys.executable, "-m", *report_module(word), plan.study.name, *where, *options])
