"""The drivers of all arms as one: the arm with the fewest trials goes first, so that a tuning that is interrupted is balanced."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from sweeps.ledger.state import Standing
from sweeps.plan.plan import Trial
from sweeps.search.driver import Open
from sweeps.search.history import Tally
from sweeps.tune.arm import ArmDriver

Planned = Callable[[], Sequence[Trial]]
"""Writes how far tuning is, and returns its runs with the record of the plan that they carry."""


class Drivers:
    """The drivers of several arms, with the interface of one. Trials are known by arm and number."""

    def __init__(self, arms: Mapping[str, ArmDriver], written: Planned):
        self.arms = dict(arms)
        self._written = written

    @property
    def open(self) -> dict[tuple[str, int], Open]:
        """Return the open trials."""
        return {
            (name, number): opened
            for name, driver in self.arms.items()
            for number, opened in driver.open.items()
        }

    @property
    def tally(self) -> Tally:
        """Return the trials of all arms by state. No trial is the best: arms do not compete here."""
        all_ = [driver.tally for driver in self.arms.values()]
        return Tally(
            complete=sum(one.complete for one in all_),
            pruned=sum(one.pruned for one in all_),
            failed=sum(one.failed for one in all_),
            open=sum(one.open for one in all_),
            best=None,
        )

    @property
    def trials(self) -> int:
        """Return the number of trials to settle, as far as is known."""
        return self.tally.begun + self.unasked()

    @property
    def seeds(self) -> tuple[int, ...]:
        """Return the pilot seeds, which all arms share."""
        return next(iter(self.arms.values())).seeds

    def unasked(self) -> int:
        """Return the number of trials still to start, as far as is known."""
        return sum(driver.unasked() for driver in self.arms.values())

    def may_ask(self) -> bool:
        """Return whether a trial is left to start."""
        return any(driver.may_ask() for driver in self.arms.values())

    def ask(self, among: Callable[[str], bool] = lambda arm: True) -> Open | None:
        """Start another trial of one of these arms; None if none is left to start."""
        while True:
            ready = [driver for name, driver in self.arms.items() if among(name) and driver.may_ask()]
            if not ready:
                return None
            opened = min(ready, key=lambda driver: driver.tally.begun).ask()
            planned = self._written()
            if opened is not None:
                _dress(opened, planned)
                return opened

    def adopt(self) -> list[Open]:
        """Adopt the trials that an earlier driver left open."""
        adopted = [opened for driver in self.arms.values() for opened in driver.adopt()]
        planned = self._written()
        for opened in adopted:
            _dress(opened, planned)
        return adopted

    def to_prune(self) -> list[Open]:
        """Report new points of curves. Returns the trials that the pruner would stop."""
        return [opened for driver in self.arms.values() for opened in driver.to_prune()]

    def prune(self, opened: Open) -> None:
        """Settle a trial as pruned."""
        self._of(opened).prune(opened)
        self._written()

    def conclude(self, opened: Open, ends: Mapping[int, Standing]) -> None:
        """Settle a trial whose runs are all over."""
        self._of(opened).conclude(opened, ends)
        self._written()

    def take_news(self) -> Iterator[str]:
        """Yield the lines on settled trials, each once."""
        for driver in self.arms.values():
            yield from driver.take_news()

    def _of(self, opened: Open) -> ArmDriver:
        return next(one for one in self.arms.values() if one.open.get(opened.number) is opened)


def _dress(opened: Open, planned: Sequence[Trial]) -> None:
    """Give a trial the runs of the plan, with their names, resources and records."""
    of_cell = {run.seed: run for run in planned if run.cell == opened.cell.name}
    opened.runs = tuple(of_cell[run.seed] for run in opened.runs)
