"""`sweeps status`: one line per arm, the end of the log of each failed trial, and a warning if code versions mix."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from sweeps.ledger.state import Standing, seen
from sweeps.monitor.requests import RUN, last_request
from sweeps.monitor.revisions import warnings
from sweeps.monitor.tuning import chosen_table, tuning_counts, tuning_table
from sweeps.plan.arms import PlannedArm
from sweeps.plan.manifest import former_sentence
from sweeps.plan.pace import rollouts_done
from sweeps.plan.plan import Plan, Trial
from sweeps.plan.stale import stale_sentence

LOOK = 2.0
"""Seconds between reads of the run folders."""
OUTCOMES = {
    "done": "done",
    "running": "running",
    "diverged": "diverged",
    "failed": "failed",
    "stale": "stale",
    "pending": "to do",
}
RARE = ("stale",)
"""Outcomes that are shown only if there are any."""


def show_status(plan: Plan, console: Console) -> int:
    """Print the state of every trial of the plan. Returns 0.

    Of a study that is still being tuned, print how far that is; of one that was tuned, the chosen points first.
    """
    if plan.untuned:
        console.print(tuning_table(plan))
        console.print(Text(f"\n{_tuning_line(plan)}"), soft_wrap=True)
        return 0
    if plan.tuning is not None:
        console.print(chosen_table(plan))
        console.print()
    standings = _standings(plan)
    console.print(status_table(plan, standings))
    console.print(Text(f"\n{_counts(plan, standings)}"), soft_wrap=True)
    for trial, now in standings.items():
        if now.state == "failed":
            _print_failure(trial, now, console)
    for line in (former_sentence(plan), stale_sentence(standings), *warnings(list(standings))):
        if line is not None:
            console.print(Text(line), soft_wrap=True)
    return 0


def watch_status(plan: Plan, console: Console, again: Callable[[], Plan] | None = None) -> int:
    """Show the state of every trial until nothing is left to run: a table on a terminal, else one line per change.

    `again` makes the plan anew, for a study that is being tuned.
    """
    with (
        Live(console=console, auto_refresh=False, transient=True)
        if console.is_terminal
        else nullcontext() as live
    ):
        printed = ""
        while True:
            standings = {} if plan.untuned else _standings(plan)
            line = _tuning_line(plan) if plan.untuned else _counts(plan, standings)
            table = tuning_table(plan) if plan.untuned else status_table(plan, standings)
            if live is not None:
                live.update(Group(table, Text(line)), refresh=True)
            elif line != printed:
                console.print(Text(line), soft_wrap=True)
                printed = line
            if not plan.untuned and all(now.over() for now in standings.values()):
                break
            time.sleep(LOOK)
            plan = again() if plan.untuned and again is not None else plan
    return show_status(plan, console)


def _standings(plan: Plan) -> dict[Trial, Standing]:
    return {trial: seen(trial.folder) for trial in plan.trials()}


def _tuning_line(plan: Plan) -> str:
    """Return the trials of a tuning by state, and the running pilot runs with host and progress, in one line."""
    request = last_request(plan)
    running = [
        _where(trial, now) for trial in plan.pilot_trials() if (now := seen(trial.folder)).state == "running"
    ]
    return "; ".join(
        (tuning_counts(plan), *([f"{request} was requested"] if request != RUN else []), *running)
    )


def _counts(plan: Plan, standings: Mapping[Trial, Standing]) -> str:
    """Return counts by outcome, and the host and progress of each running trial, in one line."""
    counts = Counter(now.outcome for now in standings.values())
    request = last_request(plan)
    text = counted(counts) + (f"; {request} was requested" if request != RUN else "")
    running = [_where(trial, now) for trial, now in standings.items() if now.state == "running"]
    return "; ".join((text, *running))


def counted(counts: Mapping[str, int]) -> str:
    """Return the number of trials by outcome, in words."""
    shown = [outcome for outcome in OUTCOMES if counts.get(outcome) or outcome not in RARE]
    return ", ".join(f"{counts.get(outcome, 0)} {OUTCOMES[outcome]}" for outcome in shown)


def _where(trial: Trial, now: Standing) -> str:
    again = f", attempt {now.attempt}" if now.attempt > 1 else ""
    return f"{trial.label} {rollouts_done(trial.folder)}/{trial.rollouts} on {now.host or 'an unknown machine'}{again}"


def status_table(plan: Plan, standings: Mapping[Trial, Standing]) -> Table:
    """Return a table of the seeds of every arm by state."""
    table = Table(box=None, pad_edge=False, title=plan.title(), title_justify="left")
    for heading in ("arm", "cell", "done", "running", "diverged", "failed", "missing"):
        table.add_column(heading)
    for arm in (*plan.arms, *plan.defaults):
        own = [
            (trial.seed, now)
            for trial, now in standings.items()
            if trial.cell == arm.cell and trial.seed in arm.seeds
        ]
        table.add_row(Text(arm.name), _cell(arm), *_cells(arm, own))
    return table


def _cell(arm: PlannedArm) -> str:
    return "not chosen yet" if arm.untuned_cell and not arm.at_its_point else arm.cell or "-"


def _cells(arm: PlannedArm, own: Sequence[tuple[int, Standing]]) -> list[str]:
    seeds = {
        state: [seed for seed, now in own if now.outcome == state]
        for state in ("done", "running", "diverged", "pending", "stale")
    }
    failed = [f"{seed} ({now.reason})" for seed, now in own if now.outcome == "failed"]
    done = f"{len(seeds['done'])}/{len(arm.seeds)}"
    middle = [_list(seeds["running"]), _list(seeds["diverged"]), ", ".join(failed) or "-"]
    missing = [_list(seeds["pending"])] if seeds["pending"] or not seeds["stale"] else []
    stale = [f"{_list(seeds['stale'])} (stale)"] if seeds["stale"] else []
    return [done, *middle, ", ".join((*missing, *stale))]


def _list(seeds: Sequence[int]) -> str:
    return "seed " + ", ".join(map(str, seeds)) if seeds else "-"


def _print_failure(trial: Trial, now: Standing, console: Console) -> None:
    ended = "diverged" if now.outcome == "diverged" else f"failed ({now.reason})"
    console.print(Text(f"\n{trial.label} {ended}: {now.message}"), soft_wrap=True)
    for line in now.log_tail.splitlines():
        console.print(Text(f"  | {line}"), soft_wrap=True)
