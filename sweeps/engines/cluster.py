"""Sees trials through on a cluster: places what is to run, watches the run folders, and places again what was lost."""

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
    gone: str | None = None
    """A ticket that is gone, while nobody knows yet what that means."""
    attempt: int = 0
    """The trial's last attempt before it was placed."""
    losses: int = 0

    @property
    def trial(self) -> Trial:
        """What is placed."""
        return self.order.trial


class Placing:
    """An engine of one cluster. Call `run` once, from the main thread."""

    workers = 1

    def __init__(self, cluster: Cluster, setup: Setup):
        self.cluster = cluster
        self.setup = setup
        self.stops = Stops()
        self._items: list[Item] = []
        self._failed: list[Trial] = []

    def run(self, trials: Sequence[Trial], board: Board) -> bool:
        """Run what the ledger does not show as finished. False where a signal or a request ended it early."""
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
        """Count what is finished."""
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
        """Failures that somebody wants tried again."""
        for trial in list(self._failed):
            if not standing(trial.folder).over():
                self._failed.remove(trial)
                board.readmit(trial)
                self._items.append(self._item(trial))

    def _look(self, board: Board) -> list[Item]:
        """Settle what is over and show what runs. Returns what is to be placed.

        The queue is asked before the folders: a trial whose ticket was gone by then has been judged by now, or was lost.
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
        """As `outcome`, but None where what held a trial without a ticket shows no life any longer."""
        end = outcome(item.trial)
        if end != HELD or item.ticket is not None:
            return end
        folder = attempts_folder(item.trial.folder)
        lease = newest(folder)
        return None if lease is None or self.setup.watch.over(folder, lease) else HELD

    def _take_back(self, item: Item, board: Board) -> None:
        """A ticket is gone and its trial is not over: it failed and is to be tried again, or it was lost."""
        ticket, item.gone = item.gone or "", None
        if judged_since(item.trial, item.attempt):
            board.lines.put(f"again   {item.trial.label}: {last_attempt(item.trial)}")
            return
        item.losses += 1
        words = self.cluster.last_words(ticket)
        last = "".join(words.splitlines()[-1:])
        if item.losses <= item.trial.retries.lost:
            board.lines.put(f"lost    {item.trial.label} ({last}): it is placed again")
        else:
            self._give_up(item, words, last)

    def _give_up(self, item: Item, words: str, last: str) -> None:
        """Record a failure where nobody is left to do so."""
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
        said = self.cluster.leave(tickets, self.stops) if tickets else ""
        if said:
            board.lines.put(said)


def _show(board: Board, items: Sequence[Item], running: Sequence[Item]) -> None:
    """Trials keep their row while they run; there are as many rows as it takes."""
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
