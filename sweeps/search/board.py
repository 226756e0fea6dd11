"""The live board of a search or a tuning: the board of a sweep that also counts trials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from sweeps.monitor.board import Board
from sweeps.monitor.terminal import duration
from sweeps.plan.pace import Left
from sweeps.search.history import Tally


class Counts(Protocol):
    """What a board shows of a driver."""

    @property
    def trials(self) -> int:
        """The number of trials to settle, as far as is known."""

    @property
    def tally(self) -> Tally: ...

    @property
    def seeds(self) -> Sequence[int]: ...

    def unasked(self) -> int: ...


@dataclass(kw_only=True)
class SearchBoard(Board):
    """A search in progress."""

    driver: Counts
    work: str = ""
    """The beginning of its summary."""

    def total(self) -> int:
        """Return the number of runs so far plus those still to come, as far as is known."""
        return super().total() + self._unasked()

    def summary(self) -> str:
        """Return the trials by state, the best trial, and the time left, in one line."""
        tally = self.driver.tally
        best = "" if tally.best is None else f", best {tally.best.value:.4f} (trial {tally.best.number})"
        text = (
            f"{self.work}{tally.settled} of {self.driver.trials} trials settled: {tally.complete} scored, {tally.pruned} pruned, "
            f"{tally.failed} failed, {tally.open} open{best}; time left {duration(self.seconds_left())}"
        )
        if self.paused:
            text = f"paused (`sweeps resume` continues); {text}"
        if self.elsewhere:
            text += f"; waiting for runs that another process holds: {self.elsewhere[0]}"
        return text

    def seconds_left(self) -> float | None:
        """Estimate the time left from finished runs, assuming no further pruning; None before any has finished."""
        to_come = [Left(arm="")] * self._unasked()
        return self.pace.seconds_left([*self._started(), *self._unstarted(), *to_come], self.workers)

    def _unasked(self) -> int:
        return self.driver.unasked() * len(self.driver.seeds)
