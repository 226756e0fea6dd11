"""`sweeps plan`: the planned trials, their estimated time and cost, and the statistical power."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.text import Text

from sspo.errors import UserError
from sweeps.ledger.state import Standing, seen
from sweeps.monitor.expected_view import show_expected
from sweeps.monitor.plan_tuning import tuning_lines
from sweeps.monitor.status import status_table
from sweeps.monitor.terminal import duration, listed
from sweeps.plan.awaited import awaited
from sweeps.plan.budget import budget_lines
from sweeps.plan.cost import Forecast, Judged, forecast
from sweeps.plan.devices import default_workers, visible_devices
from sweeps.plan.expected.holds import why_not_held
from sweeps.plan.expected.machine import Place, here, named
from sweeps.plan.expected.trials import is_predicted, of_jobs, of_other_backends
from sweeps.plan.finished import Cost
from sweeps.plan.manifest import former_sentence
from sweeps.plan.plan import Plan, Trial
from sweeps.plan.power import preview
from sweeps.plan.registered import registered_line
from sweeps.plan.sampling import refuse_unsampled
from sweeps.plan.stale import stale_sentence

NAMED = 5
"""Number of arms that a line names."""


def show_plan(
    plan: Plan,
    workers: int | None,
    console: Console,
    *,
    on: str | None = None,
    notes: Sequence[str] = (),
) -> int:
    """Print arms, cells, seeds, the remaining trials with their memory, time and cost, and the expected statistics. Returns 0.

    `on` names a device of conf/planning/devices.yaml to plan for; `notes` are printed below the lines on tuning. Raises UserError if a remaining trial could not sample in this
    environment and, after everything is printed, if one does not fit on the device or this machine.
    """
    plan = awaited(plan)
    standings = {trial: _seen(plan, trial) for trial in plan.all_trials()}
    predicted = any(is_predicted(arm.config) for arm in plan.arms)
    place = _place(plan, on, predicted)
    unsampled = _unsampled(standings, predicted)
    expected = forecast(plan, standings, place)
    console.print(status_table(plan, standings))
    console.print(Text(_counts(plan, standings)), soft_wrap=True)
    waiting = {trial.arm for trial, now in standings.items() if not now.over()}
    arms = [arm for arm in plan.everyone if arm.name in waiting]
    refused = why_not_held(plan, arms, place or here()) if predicted else None
    if predicted:
        show_expected(plan, standings, place or here(), expected, console, others=refused is not None)
    widest = max(
        expected.widths, default=1
    )  # as many devices as one trial takes, on machines that are not here
    slots = workers or (default_workers(visible_devices()) if place is None else widest)
    lines = [
        *([] if refused else time_lines(expected, slots)),
        *([] if refused else budget_lines(plan, expected)),
        *tuning_lines(plan, standings, place),
        *notes,
        *_uncovered(plan),
        *unsampled,
        *(line for line in _of_store(plan, standings) if line is not None),
        *preview(plan),
    ]
    for line in lines:
        console.print(Text(line), soft_wrap=True)
    if refused is not None:
        raise UserError(refused)
    return 0


def _seen(plan: Plan, trial: Trial) -> Standing:
    return Standing(state="pending") if plan.nameless else seen(trial.folder)


def _place(plan: Plan, on: str | None, predicted: bool) -> Place | None:
    """Return the device to plan for. Raises UserError for one that is not in the table, or that has no effect."""
    if on is None:
        return None
    if not predicted:
        raise UserError(
            f"--on {on} has no effect: {plan.title()} has no trial that the cost model covers: embedded models and other backends are estimated from finished trials; leave it out"
        )
    return named(on)


def _unsampled(standings: Mapping[Trial, Standing], predicted: bool) -> list[str]:
    """Return a line if trials cannot sample here. Raises UserError for embedded models; larger ones are usually planned elsewhere."""
    try:
        refuse_unsampled(trial for trial, now in standings.items() if not now.over())
    except UserError as error:
        if not predicted:
            raise
        return [f"to run it here: {error}"]
    return []


def _uncovered(plan: Plan) -> list[str]:
    """Return a line on arms of verl, whose estimate no run has checked, and on those of other backends, whose memory is not estimated."""
    jobs, others = of_jobs(plan), of_other_backends(plan)
    return [
        *(
            [
                f"{_named(jobs)}: the memory is that of each device of a verl job, and neither it nor the time, which leaves out what devices "
                "send each other, was ever measured on a GPU (docs/cost.md)"
            ]
            if jobs
            else []
        ),
        *(
            [
                f"no estimate of memory for {_named(others)}: the cost model counts our own trainer's work, and another backend trains them; "
                "their time is estimated from finished trials"
            ]
            if others
            else []
        ),
    ]


def _named(arms: Sequence[str]) -> str:
    return ", ".join(arms[:NAMED]) + (", ..." if len(arms) > NAMED else "")


def _of_store(plan: Plan, standings: Mapping[Trial, Standing]) -> tuple[str | None, ...]:
    """Return lines on registration, former arms and stale runs; none for a plan without names."""
    if plan.nameless:
        return ()
    return (registered_line(plan), former_sentence(plan), stale_sentence(standings))


def time_lines(expected: Forecast, workers: int) -> list[str]:
    """Return lines on the wall time and cost of the remaining trials, the basis of the estimate, and trials without an estimate."""
    lines = []
    if expected.seconds:
        room = f"{workers} at a time" if max(expected.widths) == 1 else f"on {workers} slots"
        lines.append(
            f"time left, {room}: about {duration(expected.seconds_left(workers))}, "
            f"{_cost(expected.left)}; {expected.by_cell} trials estimated from finished trials of their own cell, "
            f"{expected.by_size} from finished trials of the same size{_judged(expected.judged)}"
        )
    elif not expected.untold:
        lines.append("time left: none, all trials are over")
    if expected.untold:
        arms = ", ".join(expected.unknown[:NAMED]) + (", ..." if len(expected.unknown) > NAMED else "")
        rest = "; the time above leaves them out" if expected.seconds else ""
        lines.append(
            f"no time estimate for {expected.untold} trials, because none of their cell or size has finished in this store: "
            f"{arms}{rest}"
        )
    if expected.damaged:
        lines.append(f"warning: finished runs whose time cannot be read: {listed(expected.damaged)}")
    if expected.spent != Cost():
        lines.append(f"spent so far: {_cost(expected.spent)}")
    return lines


def _judged(rows: Sequence[Judged]) -> str:
    """Return a phrase on the trials that the cost model estimates, and on its corrections."""
    trials: Counter[str] = Counter()
    for row in rows:
        trials[_corrected(row)] += row.trials
    return "".join(f", {count} from the cost model (docs/cost.md){words}" for words, count in trials.items())


def _corrected(row: Judged) -> str:
    if row.scale is None:
        return ", which no finished trial has corrected yet"
    count = f"{row.scale.trials} finished trial{'s' if row.scale.trials > 1 else ''}"
    return f", scaled {row.scale.factor:.2g}x by {count} of {row.model} here"


def _counts(plan: Plan, standings: Mapping[Trial, Standing]) -> str:
    counts = Counter(now.outcome for now in standings.values())
    cells = len({arm.cell for arm in plan.arms})
    if plan.nameless:
        return (
            f"\n{len(plan.arms)} arms, {len(standings)} trials, whose state is unknown: cells have no names until model and "
            f"questions are on this machine, and {plan.nameless}"
        )
    return (
        f"\n{len(plan.arms)} arms, {cells} cells, {len(standings)} {'runs' if plan.study.tune else 'trials'}: {counts['done']} done, "
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
