"""Sees trials through on a cluster: places what is to run, watches the run folders, and places again what was lost."""

from __future__ import annotations

import signal
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Protocol

from sweeps.board import Board, Running, name
from sweeps.claims import CLAIM
from sweeps.engines.engine import Setup
from sweeps.exits import log_tail, why_failed
from sweeps.ledger import standing
from sweeps.one_trial import HELD, Order, mark_lost, outcome
from sweeps.plan import Trial
from sweeps.stops import Stops

PLACINGS = 3
"""How often a trial is placed before its losses count as a failure."""
STEP = 0.1
"""Seconds after which a signal is noticed."""


class Cluster(Protocol):
    """Takes orders and gives tickets. It knows where work is and nothing of how a trial ended: the ledger does."""

    poll: float
    """Seconds between two looks."""
    room: int | None
    """Orders at a time; None where the cluster keeps a queue of its own."""

    def placed_before(self, trial: Trial) -> str | None:
        """The ticket of an earlier call that this trial may still have."""

    def place(self, orders: Sequence[Order]) -> Sequence[str]:
        """A ticket for each order. Raises UserError where the cluster refuses."""

    def live(self, tickets: Collection[str]) -> Collection[str]:
        """Those of the tickets that wait or run."""

    def last_words(self, ticket: str) -> str:
        """What there is to say of a ticket that is gone, the most telling line last."""

    def leave(self, tickets: Collection[str], stops: Stops) -> str:
        """After an interrupt: end what ends with us. Returns a sentence on what goes on, empty where nothing does."""


@dataclass
class Item:
    """A trial that is not over, and how it is placed now."""

    order: Order
    ticket: str | None = None
    losses: int = 0


class Placing:
    """An engine of one cluster. Call `run` once, from the main thread."""

    workers = 1

    def __init__(self, cluster: Cluster, setup: Setup):
        self.cluster = cluster
        self.setup = setup
        self.stops = Stops()
        self._items: list[Item] = []

    def run(self, trials: Sequence[Trial], board: Board) -> bool:
        """Run what the ledger does not show as finished. False where a signal ended it early."""
        with self.stops.heard():
            self._sort(trials, board)
            try:
                while self._items and not self.stops.count:
                    self._place(self._look(board))
                    if self.setup.detach:
                        break
                    self._rest()
            finally:
                self._leave(board)
        return not self.stops.count

    def _sort(self, trials: Sequence[Trial], board: Board) -> None:
        """Count what is finished; a failed trial is finished unless it is to be retried."""
        for trial in trials:
            now = standing(trial.folder)
            if now.over(retry_failed=self.setup.retry_failed):
                board.count(trial, now)
            else:
                ticket = self.cluster.placed_before(trial)
                self._items.append(Item(order=self.setup.order(trial), ticket=ticket))
        board.waiting = tuple(item.order.trial for item in self._items)

    def _look(self, board: Board) -> list[Item]:
        """Settle what is over and show what runs. Returns what is to be placed.

        The queue is asked before the folders: a trial whose ticket was gone by then has its marker by now, or was lost.
        """
        live = set(self.cluster.live([item.ticket for item in self._items if item.ticket is not None]))
        over, running, unplaced = [], [], []
        for item in self._items:
            if item.ticket is not None and item.ticket not in live:
                self._lose(item, board)
            end = outcome(item.order)
            if end == HELD:
                running.append(item)
            elif end is not None:
                over.append(item)
            elif item.ticket is None:
                unplaced.append(item)
        for item in over:
            self._items.remove(item)
            _show(board, self._items, running)
            board.settle(item.order.trial, standing(item.order.trial.folder))
        _show(board, self._items, running)
        return unplaced

    def _lose(self, item: Item, board: Board) -> None:
        """Take back the ticket of an item that is gone; where it left no end, that is a loss."""
        ticket, item.ticket = item.ticket, None
        if ticket is None or outcome(item.order) is not None:
            return
        item.losses += 1
        words = self.cluster.last_words(ticket)
        last = "".join(words.splitlines()[-1:])
        if item.losses < PLACINGS:
            board.lines.put(f"lost    {name(item.order.trial)} ({last}): it is placed again")
        else:
            _give_up(item, words, last)

    def _place(self, unplaced: Sequence[Item]) -> None:
        placed = sum(item.ticket is not None for item in self._items)
        room = None if self.cluster.room is None else max(self.cluster.room - placed, 0)
        chosen = unplaced[:room]
        tickets = self.cluster.place([item.order for item in chosen]) if chosen else ()
        for item, ticket in zip(chosen, tickets, strict=True):
            item.ticket = ticket

    def _rest(self) -> None:
        limit = time.monotonic() + self.cluster.poll
        while time.monotonic() < limit and not self.stops.count:
            time.sleep(STEP)

    def _leave(self, board: Board) -> None:
        tickets = [item.ticket for item in self._items if item.ticket is not None]
        said = self.cluster.leave(tickets, self.stops) if tickets else ""
        if said:
            board.lines.put(said)


def _show(board: Board, items: Sequence[Item], running: Sequence[Item]) -> None:
    """Trials keep their row while they run; there are as many rows as it takes."""
    trials = [item.order.trial for item in running]
    rows = {row: shown for row, shown in board.running.items() if shown.trial in trials}
    shown = {entry.trial for entry in rows.values()}
    free = (row for row in count() if row not in rows)
    for trial in trials:
        if trial not in shown:
            rows = {**rows, next(free): Running(trial=trial, started=time.monotonic())}
    board.running = rows
    board.workers = max(rows, default=0) + 1
    board.waiting = tuple(item.order.trial for item in items if item.order.trial not in trials)
    board.elsewhere = tuple(item.order.trial.folder / CLAIM for item in running if item.ticket is None)


def _give_up(item: Item, words: str, last: str) -> None:
    """Record a failure where nobody is left to do so."""
    tail = log_tail(words)
    reason, _ = why_failed(-signal.SIGKILL, tail, None)
    mark_lost(item.order.trial, reason, f"placed {PLACINGS} times and lost each time: {last}", tail)
