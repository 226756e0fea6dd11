"""The table of memory and time in `sweeps plan`: one row per kind of trial, on this machine's device or on those that would hold it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sspo.models.memory.said import gib
from sweeps.ledger.state import Standing
from sweeps.plan.arms import PlannedArm
from sweeps.plan.cost import Forecast
from sweeps.plan.expected.holds import holding
from sweeps.plan.expected.hours import Seconds
from sweeps.plan.expected.machine import CPU, Place
from sweeps.plan.expected.trials import Expected, expected_of, without_shape
from sweeps.plan.finished import HOUR
from sweeps.plan.plan import Plan, Trial

NAMED = 3
"""Number of arms that a row names; the others are counted."""
HEADINGS = (
    "trials of",
    "to do",
    "on",
    "GiB",
    "sampling",
    "updates",
    "evaluation",
    "rest",
    "h per trial",
    "h total",
)


@dataclass(frozen=True, kw_only=True)
class Kind:
    """Arms whose trials take the same memory and time."""

    arms: tuple[PlannedArm, ...]
    trials: int
    expected: Expected
    factor: float
    """The correction of the cost model from finished trials."""

    @property
    def seconds(self) -> Seconds | None:
        """Return the corrected seconds of one trial."""
        seconds = self.expected.seconds
        return None if seconds is None else seconds.scaled(self.factor)

    @property
    def units(self) -> int:
        """Return the number of devices or processors of a trial, whose hours all count."""
        resources = self.arms[0].resources
        return resources.devices if self.expected.place.cuda else resources.threads


def show_expected(
    plan: Plan,
    standings: Mapping[Trial, Standing],
    place: Place,
    forecast: Forecast,
    console: Console,
    *,
    others: bool = False,
) -> None:
    """Print memory and time of the remaining trials on a place, or with `others` on every device in the table that would hold them
    all."""
    counts = {arm.name: 0 for arm in plan.everyone}
    for trial, now in standings.items():
        counts[trial.arm] += now.state in ("pending", "running")
    waiting = [arm for arm in plan.everyone if counts[arm.name]]
    places = holding(waiting, named=not plan.nameless) if others else [place]
    factors: Mapping[str, float] = {} if others else forecast.factors
    scaled = ", scaled by finished trials" if factors else ""
    table = Table(
        box=None,
        pad_edge=False,
        title=f"\nby the cost model (docs/cost.md){scaled}, hours",
        title_justify="left",
    )
    for heading in HEADINGS:
        table.add_column(heading, justify="left" if heading in ("trials of", "on") else "right")
    totals = []
    for one in places:
        kinds = kinds_of(waiting, counts, one, factors, named=not plan.nameless)
        for kind in kinds:
            table.add_row(*_row(kind))
        totals.append(_total(kinds, one))
    if table.row_count:
        console.print(table)
    for line in (*(total for total in totals if total), *_unknown(plan, place)):
        console.print(Text(line), soft_wrap=True)


def kinds_of(
    arms: Sequence[PlannedArm],
    counts: Mapping[str, int],
    place: Place,
    factors: Mapping[str, float],
    *,
    named: bool,
) -> list[Kind]:
    """Group arms into kinds, in the order of their first arms; `counts` holds trials per arm, `factors` their corrections."""
    found: dict[object, Kind] = {}
    for arm in arms:
        expected = expected_of(arm, place, named=named)
        if expected is None:
            continue
        model = arm.config.model.path
        factor = factors.get(arm.name, 1.0)
        key = (model, expected.memory.bytes, expected.seconds, arm.resources, factor)
        before = found.get(key)
        found[key] = Kind(
            arms=(*(before.arms if before else ()), arm),
            trials=counts[arm.name] + (before.trials if before else 0),
            expected=expected,
            factor=factor,
        )
    return list(found.values())


def _row(kind: Kind) -> list[str | Text]:
    names = [arm.name for arm in kind.arms]
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    seconds, place = kind.seconds, kind.expected.place
    hours = (
        ["-"] * 6
        if seconds is None
        else [
            *map(
                _hours, (seconds.sampling, seconds.updates, seconds.evaluation, seconds.rest, seconds.total)
            ),
            _hours(seconds.total * kind.trials * kind.units),
        ]
    )
    width = "" if kind.units == 1 else f"{kind.units} x "
    return [
        Text(", ".join(names[:NAMED]) + more),
        str(kind.trials),
        f"{width}{place.name}",
        gib(kind.expected.memory.bytes),
        *hours,
    ]


def _total(kinds: Sequence[Kind], place: Place) -> str | None:
    """Return the GPU or core hours of all kinds on a place; None if they cannot be estimated."""
    if not kinds or any(kind.seconds is None for kind in kinds):
        return None
    words = {True: 0.0, False: 0.0}
    for kind in kinds:
        words[kind.expected.place.cuda] += (
            (kind.seconds.total if kind.seconds else 0) * kind.trials * kind.units / HOUR
        )
    amounts = " and ".join(
        f"{hours:,.3g} {'GPU' if cuda else 'core'} hours" for cuda, hours in words.items() if hours
    )
    trials = sum(kind.trials for kind in kinds)
    return f"{amounts} for {trials} trials on {place.name if place.name != CPU else 'the processors here'}"


def _unknown(plan: Plan, place: Place) -> list[str]:
    """Return a line per missing estimate, with the reason."""
    lines = [
        f"no estimate for {path}: its folder is not here, and conf/planning/models.yaml has no row for it"
        for path in without_shape(plan)
    ]
    if place.cuda and place.device is None:
        lines.append(
            f"no hours on {place.name}: conf/planning/devices.yaml has no row for it; add one, or name another with --on"
        )
    return lines


def _hours(seconds: float) -> str:
    hours = seconds / HOUR
    return f"{hours:,.0f}" if hours >= 99.5 else f"{hours:.3g}" if hours >= 0.995 else f"{hours:.2f}"
