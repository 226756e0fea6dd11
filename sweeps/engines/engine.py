"""What an engine is, and which there are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from sweeps.board import Board
from sweeps.engines.options import Options
from sweeps.one_trial import Order, failure
from sweeps.plan import Trial
from sweeps.worker import Command


@dataclass(frozen=True, kw_only=True)
class Setup:
    """How trials are to run, wherever it is."""

    study: str
    command: Command
    """Makes the command line of a trial."""
    workers: int | None
    """Trials at a time; None for what the engine finds room for."""
    retry_failed: bool
    timeout: float | None
    """Seconds of one trial; None for no limit."""
    detach: bool = False
    """Whether to leave once every trial is placed."""

    def order(self, trial: Trial) -> Order:
        """The trial as it is sent away: a failure that it has now is the one that a retry may undo."""
        return Order(
            trial=trial,
            command=tuple(self.command(trial)),
            timeout=self.timeout,
            retries=failure(trial) if self.retry_failed else None,
        )


class Engine(Protocol):
    """Runs trials somewhere."""

    workers: int
    """Trials at a time as far as is known before any runs."""

    def run(self, trials: Sequence[Trial], board: Board) -> bool:
        """Run what the ledger does not show as finished. False where a signal ended it early."""


Opened = Callable[[Setup, Options], AbstractContextManager[Engine]]
"""Makes an engine for the length of a `with` block. Raises UserError where there is nothing to run on."""
