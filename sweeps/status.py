"""`sweeps status`: a line an arm, the end of the log of what failed, and a warning where revisions mix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sweeps.board import name
from sweeps.ledger import Standing, standing
from sweeps.manifest import former_sentence
from sweeps.plan import Plan, PlannedArm, Trial
from sweeps.revisions import warning


def show_status(plan: Plan, console: Console) -> int:
    """Print where every trial of the plan stands. Returns 0."""
    standings = {trial: standing(trial.folder) for trial in plan.trials()}
    console.print(status_table(plan, standings))
    for trial, now in standings.items():
        if now.state == "failed":
            _print_failure(trial, now, console)
    for line in (former_sentence(plan), warning(list(standings))):
        if line is not None:
            console.print(Text(line), soft_wrap=True)
    return 0


def status_table(plan: Plan, standings: Mapping[Trial, Standing]) -> Table:
    """Seeds of every arm by state."""
    table = Table(box=None, pad_edge=False, title=plan.title(), title_justify="left")
    for heading in ("arm", "cell", "done", "running", "diverged", "failed", "missing"):
        table.add_column(heading)
    for arm in plan.arms:
        own = [(trial.seed, now) for trial, now in standings.items() if trial.arm == arm.name]
        table.add_row(Text(arm.name), arm.cell, *_cells(arm, own))
    return table


def _cells(arm: PlannedArm, own: Sequence[tuple[int, Standing]]) -> list[str]:
    seeds = {
        state: [seed for seed, now in own if now.outcome == state]
        for state in ("done", "running", "diverged", "pending")
    }
    failed = [f"{seed} ({now.reason})" for seed, now in own if now.outcome == "failed"]
    done = f"{len(seeds['done'])}/{len(arm.seeds)}"
    middle = [_list(seeds["running"]), _list(seeds["diverged"]), ", ".join(failed) or "-"]
    return [done, *middle, _list(seeds["pending"])]


def _list(seeds: Sequence[int]) -> str:
    return "seed " + ", ".join(map(str, seeds)) if seeds else "-"


def _print_failure(trial: Trial, now: Standing, console: Console) -> None:
    ended = "diverged" if now.outcome == "diverged" else f"failed ({now.reason})"
    console.print(Text(f"\n{name(trial)} {ended}: {now.message}"), soft_wrap=True)
    for line in now.log_tail.splitlines():
        console.print(Text(f"  | {line}"), soft_wrap=True)
