"""The page of single runs of the study, as their logs are now. Runs are named by arm and seed; no address
contains a path.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from analysis.live.page import run_name
from analysis.live.runs import LiveRun
from analysis.live.study import LiveStudy, Planned, Snapshot
from analysis.logs.run_files import BROKEN
from analysis.single_runs.find import MOST
from analysis.single_runs.page import page_html
from analysis.single_runs.read import Run, read_run
from sspo.errors import UserError, unknown

FRESH = 2.0
"""Seconds for which a rendered page is reused."""
MOST_KEPT = 8


class NoSuchRun(UserError):
    """An address that names a run outside the study, or none."""


class RunPages:
    """Renders pages of runs and keeps the last few for a moment, so that many browsers cost little."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, ...], tuple[float, str]] = {}

    def page(self, study: LiveStudy, found: Snapshot | Planned, names: Sequence[str]) -> str:
        """Return the page of the runs with these names. Raises NoSuchRun."""
        runs = _named(found, names)
        key, now = tuple(run_name(run) for run in runs), time.monotonic()
        when, page = self._made.get(key, (0.0, ""))
        if not page or now - when > FRESH:
            page = _page(study, runs)
            self._made = dict([*self._made.items(), (key, (time.monotonic(), page))][-MOST_KEPT:])
        return page


def _named(found: Snapshot | Planned, names: Sequence[str]) -> list[LiveRun]:
    if isinstance(found, Planned):
        raise NoSuchRun("no runs are planned yet")
    if not names:
        raise NoSuchRun("select at least one run, then press compare")
    if len(names) > MOST:
        raise NoSuchRun(f"at most {MOST} runs can be compared, got {len(names)}")
    planned = {run_name(run): run for run in found.runs}
    for name in names:
        if name not in planned:
            raise NoSuchRun(str(unknown("run", name, planned)))
    return [planned[name] for name in dict.fromkeys(names)]


def _page(study: LiveStudy, runs: Sequence[LiveRun]) -> str:
    clock = time.strftime("%H:%M:%S")
    note = (
        f"As of {clock}. Reload this page for newer lines."
        if any(r.written for r in runs)
        else "Not started."
    )
    return page_html([_read(study, run) for run in runs], [note], back="/")


def _read(study: LiveStudy, run: LiveRun) -> Run:
    """Return the run's logs, under the dashboard's name and state for it."""
    read = read_run(study.folder(run.arm, run.seed))
    said = read.state == BROKEN or (run.state == BROKEN and read.warnings)
    reason = "" if said else run.reason.removeprefix(f"{run.state}: ")
    return replace(read, label=f"{run.arm} seed {run.seed}", state=run.state, reason=reason or read.reason)
