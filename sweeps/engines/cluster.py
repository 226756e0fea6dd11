"""Completes trials on a cluster: places those that are to run, watches the run folders, and places lost ones again."""

from __future__ import annotations

import signal
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Protocol

from sweeps.engines.engine import Setup
from sweeps.ledger.leases import newest
from sweeps.ledger.state import standing
from sweeps.monitor.board import Board, Running, last_attempt
from sweeps.monitor.requests import PAUSE, RUN, STOP
from sweeps.plan.plan import Trial
from sweeps.workers.attempts import attempts_folder, fail_lost, judged_since
from sweeps.workers.exits import log_tail, why_failed
from sweeps.workers.order import HELD, Order, outcome
from sweeps.workers.signals import Stops

STEP = 0.1
"""Maximum seconds until a signal is noticed."""


class Cluster(Protocol):
    """An interface that accepts orders and returns tickets. It locates work; how a trial ended is recorded in the ledger alone."""

    poll: float
    """Seconds between checks."""
    room: int | None
    """Maximum number of concurrent orders; None if the cluster has its own queue."""

    def placed_before(self, trial: Trial) -> str | None:
        """Return the ticket that this trial may still have from an earlier call."""

    def place(self, orders: Sequence[Order]) -> Sequence[str]:
        """Place orders and return a ticket for each. Raises UserError if the cluster refuses."""

    def live(self, tickets: Collection[str]) -> Collection[str]:
        """Return the tickets that are waiting or running."""

    def last_words(self, ticket: str) -> str:
        """Return what is known of a ticket that is gone, with the most informative line last."""

    def leave(self, tickets: Collection[str], stops: Stops) -> str:
        """After an interrupt: end the work that ends with this process. Returns a sentence on the work that continues; empty if none does."""


@dataclass
class Item:
    """A trial that is not over, and its current placement."""

    order: Order
    ticket: str | None = None
    gone: str | None = None
    """A ticket that is gone and whose meaning is not yet decided."""
    attempt: int = 0
    """The trial's last attempt before it was placed."""
    losses: int = 0

    @property
    def trial(self) -> Trial:
        """Return the trial of the order."""
        return self.order.trial


class Placing:
    """The engine of one cluster. Call `run` once, from the main thread."""

    workers = 1

    def __init__(self, cluster: Cluster, setup: Setup):
        self.cluster = cluster
        self.setup = setup
        self.stops = Stops()
        self._items: list[Item] = []
        self._failed: list[Trial] = []

    def run(self, trials: Sequence[Trial], board: Board) -> bool:
        """Run the trials that the ledger does not show as finished. Returns False if a signal or a request ended it early."""
        with self.stops.heard():
            self._sort(trials, board)
            try:
                while self._items and not self.stops.count:
                    self._step(board)
                    if self.setup.detach:
                        break
                    self._rest()
            finally:
                self._leave(board)
        return not self.stops.count

    def _sort(self, trials: Sequence[Trial], board: Board) -> None:
        """Count the finished trials and queue the rest."""
        for trial in trials:
            now = standing(trial.folder)
            if now.over():
                self._note(trial)
                board.count(trial, now)
            else:
                self._items.append(self._item(trial))
        board.waiting = tuple(item.trial for item in self._items)

    def _item(self, trial: Trial) -> Item:
        return Item(
            order=self.setup.order(trial),
            ticket=self.cluster.placed_before(trial),
            attempt=standing(trial.folder).attempt,
        )

    def _note(self, trial: Trial) -> None:
        if standing(trial.folder).state == "failed":
            self._failed.append(trial)

    def _step(self, board: Board) -> None:
        request = self.setup.request()
        board.paused = request == PAUSE
        if request == STOP:
            self.stops.count += 1
            return
        self._readmit(board)
        unplaced = self._look(board)
        if request == RUN:
            self._place(unplaced)

    def _readmit(self, board: Board) -> None:
        """Queue failed trials that were reset for a retry."""
        for trial in list(self._failed):
            if not standing(trial.folder).over():
                self._failed.remove(trial)
                board.readmit(trial)
                self._items.append(self._item(trial))

    def _look(self, board: Board) -> list[Item]:
        """Settle the trials that are over and show those that run. Returns the trials to place.

        The queue is queried before the folders are read: a trial whose ticket was already gone has since been concluded, or was lost.
        """
        live = set(self.cluster.live([item.ticket for item in self._items if item.ticket is not None]))
        over, running, unplaced = [], [], []
        for item in self._items:
            if item.ticket is not None and item.ticket not in live:
                item.ticket, item.gone = None, item.ticket
            if self._end(item) is None and item.gone is not None:
                self._take_back(item, board)
            end = self._end(item)
            if end == HELD:
                running.append(item)
            elif end is not None:
                over.append(item)
            elif item.ticket is None:
                unplaced.append(item)
        for item in over:
            self._items.remove(item)
            self._note(item.trial)
            _show(board, self._items, running)
            board.settle(item.trial, standing(item.trial.folder))
        _show(board, self._items, running)
        return unplaced

    def _end(self, item: Item) -> str | None:
        """Return `outcome`, but None if the holder of a trial without a ticket has stopped its heartbeat."""
        end = outcome(item.trial)
        if end != HELD or item.ticket is not None:
            return end
        folder = attempts_folder(item.trial.folder)
        lease = newest(folder)
        return None if lease is None or self.setup.watch.over(folder, lease) else HELD

    def _take_back(self, item: Item, board: Board) -> None:
        """Handle a ticket that is gone although its trial is not over: the trial failed and is to be retried, or it was lost."""
        ticket, item.gone = item.gone or "", None
        if judged_since(item.trial, item.attempt):
            board.lines.put(f"again   {item.trial.label}: {last_attempt(item.trial)}")
            return
        item.losses += 1
        words = self.cluster.last_words(ticket)
        last = "".join(words.splitlines()[-1:])
        if item.losses <= item.trial.retries.lost:
            board.lines.put(f"lost    {item.trial.label} ({last}): placed again")
        else:
            self._give_up(item, words, last)

    def _give_up(self, item: Item, words: str, last: str) -> None:
        """Record the failure of a trial that has no worker left to do so."""
        tail = log_tail(words)
        reason, _ = why_failed(-signal.SIGKILL, tail, None)
        message = f"placed {item.losses} times and lost each time: {last}"
        fail_lost(item.trial, self.setup.watch, reason, message, tail)

    def _place(self, unplaced: Sequence[Item]) -> None:
        placed = sum(item.ticket is not None for item in self._items)
        room = None if self.cluster.room is None else max(self.cluster.room - placed, 0)
        chosen = unplaced[:room]
        for item in chosen:
            item.attempt = standing(item.trial.folder).attempt
        tickets = self.cluster.place([item.order for item in chosen]) if chosen else ()
        for item, ticket in zip(chosen, tickets, strict=True):
            item.ticket = ticket

    def _rest(self) -> None:
        limit = time.monotonic() + self.cluster.poll
        while time.monotonic() < limit and not self.stops.count:
            time.sleep(STEP)

    def _leave(self, board: Board) -> None:
        tickets = [item.ticket for item in self._items if item.ticket is not None]
        sentence = self.cluster.leave(tickets, self.stops) if tickets else ""
        if sentence:
            board.lines.put(sentence)


def _show(board: Board, items: Sequence[Item], running: Sequence[Item]) -> None:
    """Update the board. Trials keep their row while they run; rows are added as needed."""
    trials = [item.trial for item in running]
    rows = {row: shown for row, shown in board.running.items() if shown.trial in trials}
    shown = {entry.trial for entry in rows.values()}
    free = (row for row in count() if row not in rows)
    for trial in trials:
        if trial not in shown:
            row = next(free)
            rows = {**rows, row: Running(trial=trial, started=time.monotonic(), slots=(row,))}
    board.running = rows
    board.workers = max(rows, default=0) + 1
    board.waiting = tuple(item.trial for item in items if item.trial not in trials)
    board.elsewhere = tuple(
        (attempts_folder(item.trial.folder), standing(item.trial.folder).host)
        for item in running
        if item.ticket is None
    )
