"""Before anything is read off a recording: is its run whole, and does its own objective give back what it logged?"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich.console import Console

from sspo.replay.exact import Agreement, agreement
from sspo.replay.source import RecordedRun


def check_runs(runs: Sequence[RecordedRun], out: Console) -> list[Agreement]:
    """Replay each run's own objective and say how that compares with its logs; warnings go to stderr."""
    found = []
    for run in runs:
        mine = agreement(run.rollouts(), run.config, run.logged_steps())
        out.print(
            f"{run.folder}: {len(run.files)} recorded rollouts; the run's own objective reproduces its {mine.steps} logged "
            f"steps to {mine.difference:.1g}",
            soft_wrap=True,
        )
        for warning in _warnings(run, mine):
            print(f"warning: {run.folder}: {warning}", file=sys.stderr)
        found.append(mine)
    return found


def _warnings(run: RecordedRun, found: Agreement) -> list[str]:
    warnings = []
    if run.state != "done":
        warnings.append(f"the run is {run.state}: what it recorded until then is no whole run")
    if not found.holds:
        warnings.append(
            f"replay and log disagree, most in {found.where}: the run was trained by other code, on another kind of "
            "machine, or its log was changed"
        )
    return warnings
