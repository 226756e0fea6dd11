"""`sweeps plan`: what would run, how long it may take and cost, and what it will be able to tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from rich.console import Console
from rich.text import Text

from sweeps.ledger.state import Standing, seen
from sweeps.monitor.status import status_table
from sweeps.monitor.terminal import duration, listed
from sweeps.plan.budget import budget_lines
from sweeps.plan.cost import Cost, Forecast, forecast
from sweeps.plan.devices import default_workers, visible_devices
from sweeps.plan.manifest import former_sentence
from sweeps.plan.plan import Plan, Trial
from sweeps.plan.power import preview
from sweeps.plan.sampling import refuse_unsampled
from sweeps.plan.stale import stale_sentence

NAMED = 5
"""Arms that a line names before it only counts."""


def show_plan(plan: Plan, workers: int | None, console: Console) -> int:
    """Print arms, cells, seeds, what is left, its time and cost, and the statistics to expect. Returns 0.

    Raises UserError where a trial that is still to run could not sample in this environment.
    """
    standings = {trial: seen(trial.folder) for trial in plan.trials()}
    refuse_unsampled(trial for trial, now in standings.items() if not now.over())
    expected = forecast(plan, standings)
    former = former_sentence(plan)
    console.print(status_table(plan, standings))
    lines = [
        _counts(plan, standings),
        *time_lines(expected, workers or default_workers(visible_devices())),
        *budget_lines(plan, expected),
        *(line for line in (former, stale_sentence(standings)) if line is not None),
        *preview(plan),
    ]
    for line in lines:
        console.print(Text(line), soft_wrap=True)
    return 0


def time_lines(expected: Forecast, workers: int) -> list[str]:
    """Wall time and cost of what is to do, on what they are based, and what cannot be told."""
    lines = []
    if expected.seconds:
        room = f"{workers} at a time" if max(expected.widths) == 1 else f"on {workers} slots"
        lines.append(
            f"time for what is to do, {room}: about {duration(expected.seconds_left(workers))}, "
            f"{_cost(expected.left)}; {expected.by_cell} trials judged by finished ones of their own cell, "
            f"{expected.by_size} by finished ones of the same size"
        )
    elif not expected.untold:
        lines.append("time for what is to do: none, all trials are over")
    if expected.untold:
        arms = ", ".join(expected.unknown[:NAMED]) + (", ..." if len(expected.unknown) > NAMED else "")
        rest = "; the time above leaves them out" if expected.seconds else ""
        lines.append(
            f"time of {expected.untold} trials cannot be told, as none of their cell or size has finished in this store: "
            f"{arms}{rest}"
        )
    if expected.damaged:
        lines.append(f"warning: finished runs that say nothing of time: {listed(expected.damaged)}")
    if expected.spent != Cost():
        lines.append(f"spent so far: {_cost(expected.spent)}")
    return lines


def _counts(plan: Plan, standings: Mapping[Trial, Standing]) -> str:
    counts = Counter(now.outcome for now in standings.values())
    cells = len({arm.cell for arm in plan.arms})
    return (
        f"\n{len(plan.arms)} arms, {cells} cells, {len(standings)} trials: {counts['done']} done, "
        f"{counts['running']} running, {counts['diverged']} diverged, {counts['failed']} failed, {counts['pending']} to do"
        + (f", {counts['stale']} stale" if counts["stale"] else "")
    )


def _cost(cost: Cost) -> str:
    parts = [
        f"{hours:.3g} {unit} hours"
        for hours, unit in ((cost.core_hours, "core"), (cost.device_hours, "device"))
        if hours
    ]
    return " and ".join(parts) or "0 core hours"
