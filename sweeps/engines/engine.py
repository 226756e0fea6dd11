"""The interface of engines, their setup, and the refusals that they share."""

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
    """How trials are to run, on any engine."""

    study: str
    command: Command
    """Makes the command line of a trial."""
    workers: int | None = None
    """Number of concurrent trials; None for as many as the engine has room for."""
    timeout: float | None = None
    """Time limit of one trial in seconds; None for the study's limit."""
    detach: bool = False
    """Whether to return once every trial is placed."""
    watch: Watch = field(default_factory=Watch)
    """Detects stale leases of other processes."""
    request: Callable[[], str] = no_request
    """Returns the latest control request."""

    def order(self, trial: Trial) -> Order:
        """Return the trial in the form in which it is sent."""
        return Order(
            trial=trial,
            command=tuple(self.command(trial)),
            timeout=self.timeout,
            stale_after=self.watch.stale_after,
            request=self.request,
        )


class Engine(Protocol):
    """An interface that runs trials."""

    workers: int
    """Number of concurrent trials, as far as is known before any runs."""

    def run(self, trials: Sequence[Trial], board: Board) -> bool:
        """Run the trials that the ledger does not show as finished. Returns False if a signal or a request ended it early."""


Opened = Callable[[Setup, Options, Sequence[Trial]], AbstractContextManager[Engine]]
"""Opens an engine for the trials, for the duration of a `with` block. Raises UserError if there is nothing to run on."""


def refuse_too_wide(trial: Trial, slots: int) -> None:
    """Raise UserError for a trial that has more threads than there are slots and would wait forever."""
    needed = trial.resources.threads
    if needed > slots:
        raise UserError(
            f"arm '{trial.arm}' requires {needed} threads per trial and there are {slots} slots; lower its resources.threads in the "
            "study, or raise --workers (make: WORKERS)"
        )
