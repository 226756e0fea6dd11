"""What an engine is, what it is told, and what every one refuses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from sspo.errors import UserError
from sweeps.engines.options import Options
from sweeps.ledger.leases import Watch
from sweeps.monitor.board import Board
from sweeps.monitor.requests import no_request
from sweeps.plan.plan import Trial
from sweeps.workers.order import Order
from sweeps.workers.worker import Command


@dataclass(frozen=True, kw_only=True)
class Setup:
    """How trials are to run, wherever it is."""

    study: str
    command: Command
    """Makes the command line of a trial."""
    workers: int | None = None
    """Trials at a time; None for what the engine finds room for."""
    timeout: float | None = None
    """Seconds of one trial; None for what its study says."""
    detach: bool = False
    """Whether to leave once every trial is placed."""
    watch: Watch = field(default_factory=Watch)
    """Judges what others run."""
    request: Callable[[], str] = no_request
    """What was last asked for from another terminal."""

    def order(self, trial: Trial) -> Order:
        """The trial as it is sent away."""
        return Order(
            trial=trial,
            command=tuple(self.command(trial)),
            timeout=self.timeout,
            stale_after=self.watch.stale_after,
            request=self.request,
        )


class Engine(Protocol):
    """Runs trials somewhere."""

    workers: int
    """Trials at a time as far as is known before any runs."""

    def run(self, trials: Sequence[Trial], board: Board) -> bool:
        """Run what the ledger does not show as finished. False where a signal or a request ended it early."""


Opened = Callable[[Setup, Options, Sequence[Trial]], AbstractContextManager[Engine]]
"""Makes an engine for the trials, for the length of a `with` block. Raises UserError where there is nothing to run on."""


def refuse_too_wide(trial: Trial, slots: int) -> None:
    """Raise UserError for a trial whose threads would wait for ever."""
    needed = trial.resources.threads
    if needed > slots:
        raise UserError(
            f"arm '{trial.arm}' wants {needed} threads a trial and there are {slots} slots; lower its resources.threads in the "
            "study, or raise --workers (make: WORKERS)"
        )
