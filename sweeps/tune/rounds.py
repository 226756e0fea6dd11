"""Trials on engines other than this machine's pool: in rounds, because these engines take a list of runs and not a stream of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from rich.console import Console
from rich.text import Text

from sweeps.control.sweep import RunOptions, train
from sweeps.ledger.state import standing
from sweeps.plan.plan import Plan
from sweeps.search.driver import Open, ends_of
from sweeps.tune.drivers import Drivers
from sweeps.workers.attempts import reset_retries
from sweeps.workers.worker import Command

LEARNING = ("tpe", "gp")
"""Samplers that suggest better points once results are there, so that a round has one trial per arm."""


def settle_in_rounds(
    drivers: Drivers,
    plan: Plan,
    options: RunOptions,
    console: Console,
    command: Command | None,
    request: Callable[[], str],
) -> bool:
    """Settle all trials, a round at a time. Returns False if a signal or a request ended it early. Raises what `train` raises."""
    tune = plan.study.tuning(plan.preset)
    one_each = tune is not None and tune.head.sampler.name in LEARNING
    options = replace(options, retry_failed=False, fresh=True)  # failed trials are the drivers' to retry
    drivers.adopt()
    while True:
        _ask_round(drivers, one_each=one_each)
        opened = list(drivers.open.values())
        if not opened:
            return True
        runs = list({run.folder: run for one in opened for run in one.runs}.values())
        left = [run for run in runs if standing(run.folder).outcome not in ("done", "diverged")]
        for run in left:
            reset_retries(run)
        tally = drivers.tally
        text = f"tuning: {tally.settled} of {drivers.trials} trials settled; a round of {len(opened)} trials, {len(left)} runs"
        console.print(Text(text), soft_wrap=True)
        if left and not train(plan.study.name, left, options, console, command, request):
            return False
        for one in opened:
            _conclude(drivers, one)
        for line in drivers.take_news():
            console.print(Text(line), soft_wrap=True)


def _ask_round(drivers: Drivers, *, one_each: bool) -> None:
    asked: Counter[str] = Counter(arm for arm, _ in drivers.open)
    while True:
        opened = drivers.ask(among=lambda arm: not (one_each and asked[arm]))
        if opened is None:
            return
        asked.update(arm for (arm, _), one in drivers.open.items() if one is opened)


def _conclude(drivers: Drivers, opened: Open) -> None:
    ends = ends_of(opened)
    if all(end.over() for end in ends.values()):
        drivers.conclude(opened, ends)
