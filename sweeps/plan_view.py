"""`sweeps plan`: what would run, how long it may take, and what it will be able to tell."""

from __future__ import annotations

from collections import Counter

from rich.console import Console
from rich.text import Text

from sweeps.devices import default_workers, visible_devices
from sweeps.estimate import Pace
from sweeps.ledger import standing
from sweeps.plan import Plan
from sweeps.statistics_preview import preview
from sweeps.status import status_table
from sweeps.words import duration


def show_plan(plan: Plan, workers: int | None, console: Console) -> int:
    """Print arms, cells, seeds, what is left, the time it takes and the statistics to expect. Returns 0."""
    standings = {trial: standing(trial.folder) for trial in plan.trials()}
    counts = Counter(now.outcome for now in standings.values())
    pace, waiting = Pace(), []
    for trial, now in standings.items():
        pace = pace.with_trial(trial, now.seconds)
        if now.state == "pending":
            waiting.append(trial.arm)
    number = workers or default_workers(visible_devices())
    cells = len({arm.cell for arm in plan.arms})
    console.print(status_table(plan, standings))
    lines = [
        f"\n{len(plan.arms)} arms, {cells} cells, {len(standings)} trials: {counts['done']} done, "
        f"{counts['running']} running, {counts['diverged']} diverged, {counts['failed']} failed, {counts['pending']} to do",
        f"time for what is to do, {number} at a time: {duration(pace.seconds_left(waiting, [], number))}",
        *preview(plan),
    ]
    for line in lines:
        console.print(Text(line), soft_wrap=True)
    return 0
