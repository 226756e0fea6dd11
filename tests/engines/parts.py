"""Shared parts of engine tests: trials of a stub, the log of its actions, and a sweep of them."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from io import StringIO
from pathlib import Path

from rich.console import Console

from sweeps.control.sweep import RunOptions, train
from sweeps.ledger.leases import newest
from sweeps.ledger.state import attempts_folder, standing
from sweeps.monitor.requests import no_request
from sweeps.plan.plan import Trial
from sweeps.workers.worker import Command

STUB = Path(__file__).parent / "stub.py"
ROOT = Path(__file__).parents[2]
LOG = "log"


def trials_in(store: Path, count: int) -> list[Trial]:
    return [
        Trial(arm=f"arm{n}", seed=0, overrides=(), rollouts=1, store=store, cell=f"cell{n}")
        for n in range(count)
    ]


def stub(store: Path, seconds: float) -> Command:
    """Return a stub trainer that takes `seconds` and logs its actions in `<store>/log`."""

    def command(trial: Trial) -> list[str]:
        return [sys.executable, "-S", str(STUB), str(trial.folder), str(seconds), str(store / LOG)]

    return command


def events(store: Path) -> list[list[str]]:
    """Return (event, cell, process) so far, in order."""
    log = store / LOG
    return [line.split() for line in log.read_text().splitlines()] if log.is_file() else []


def counted(store: Path, event: str) -> Counter[str]:
    """Return how often each cell had the event."""
    return Counter(cell for what, cell, _ in events(store) if what == event)


def states(trials: Sequence[Trial]) -> list[str]:
    return [standing(trial.folder).state for trial in trials]


def leased(trials: Sequence[Trial]) -> list[str]:
    """Return the trials whose last lease has no recorded end."""
    last = [(trial.cell, newest(attempts_folder(trial.folder))) for trial in trials]
    return [cell for cell, lease in last if lease is not None and not lease.outcome]


def swept(
    trials: Sequence[Trial],
    command: Command,
    engine: str,
    *words: str,
    request: Callable[[], str] = no_request,
    **options: object,
) -> tuple[bool, str]:
    """Return whether a sweep of the trials finished, and its output."""
    printed = (
        StringIO()
    )  # a console's capture records only its own thread, and the view runs in a different one
    chosen = RunOptions(engine=engine, engine_options=words, **options)  # type: ignore[arg-type]
    finished = train("stub", trials, chosen, Console(file=printed, width=200), command, request)
    return finished, printed.getvalue()


def wait_until(done: Callable[[], bool], seconds: float = 120) -> None:
    limit = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < limit, "it did not happen in time"
        time.sleep(0.05)
