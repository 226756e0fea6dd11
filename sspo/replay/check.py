"""Is a recorded run whole, and does its own objective give back what it logged? Said before anything is made of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from rich.console import Console

from sspo.replay.exact import Agreement
from sspo.replay.source import RecordedRun


def say_agreement(runs: Sequence[RecordedRun], agreements: Sequence[Agreement], out: Console) -> None:
    """How each run's own objective, replayed, compares with its logs; warnings go to stderr."""
    for run, mine in zip(runs, agreements, strict=True):
        out.print(
            f"{run.folder}: {len(run.files)} recorded rollouts; the run's own objective reproduces its {mine.steps} logged "
            f"steps to {mine.difference:.1g}",
            soft_wrap=True,
        )
        for warning in _warnings(run, mine):
            print(f"warning: {run.folder}: {warning}", file=sys.stderr)


def _warnings(run: RecordedRun, found: Agreement) -> Iterator[str]:
    if run.state != "done":
        yield f"the run is {run.state}: what it recorded until then is no whole run"
    if not found.holds:
        yield (
            f"replay and log disagree, most in {found.where}: the run was trained by other code, on another kind of "
            "machine, or its log was changed"
        )
