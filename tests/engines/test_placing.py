"""Orders on a cluster that the test simulates: a lost trial is placed again, one that ended is never placed twice."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

from sspo.runs.runlog import DONE, mark_failed, write_marker
from sweeps.engines.cluster import Placing
from sweeps.engines.engine import Setup
from sweeps.ledger import leases
from sweeps.ledger.leases import Watch
from sweeps.ledger.state import standing
from sweeps.monitor.board import Board
from sweeps.monitor.requests import PAUSE, STOP
from sweeps.plan.pace import Pace
from sweeps.plan.plan import Trial
from sweeps.study.limits import Retries
from sweeps.workers.attempts import (
    acquire_trial,
    attempts_folder,
    conclude_attempt,
    current_attempt,
    reset_retries,
)
from sweeps.workers.order import Order
from sweeps.workers.signals import Stops
from tests.engines.parts import leased, states, stub, trials_in

Play = Callable[[Order], bool]
"""Decides the state of an order at the next check; returns whether its ticket stays live."""


class Played:
    """A cluster whose n-th placement of a cell follows the n-th of its plays, and then the last one."""

    poll = 0.0

    def __init__(
        self, room: int | None = None, before: dict[str, str] | None = None, **plays: Sequence[Play]
    ):
        self.room = room
        self.plays = plays
        self.before = before or {}
        self.placed: list[str] = []
        self.most = 0
        self._orders: dict[str, tuple[Order, Play]] = {}

    def placed_before(self, trial: Trial) -> str | None:
        return self.before.get(trial.cell)

    def place(self, orders: Sequence[Order]) -> Sequence[str]:
        tickets = []
        for order in orders:
            cell = order.trial.cell
            plays = self.plays.get(cell, (finish,))
            nth = self.placed.count(cell)
            self.placed.append(cell)
            tickets.append(f"{cell}.{nth}")
            self._orders[tickets[-1]] = (order, plays[min(nth, len(plays) - 1)])
        return tickets

    def live(self, tickets: Collection[str]) -> Collection[str]:
        self.most = max(self.most, len(tickets))
        return [ticket for ticket in tickets if ticket in self._orders and self._still(ticket)]

    def last_words(self, ticket: str) -> str:
        return f"a line before\nnode of {ticket} is gone"

    def leave(self, tickets: Collection[str], stops: Stops) -> str:
        return "they stay" if tickets else ""

    def _still(self, ticket: str) -> bool:
        order, play = self._orders[ticket]
        return play(order)


def finish(order: Order) -> bool:
    order.trial.folder.mkdir(parents=True, exist_ok=True)
    write_marker(order.trial.folder, DONE, {"seconds": 1.0})
    return False


def fail(order: Order) -> bool:
    mark_failed(order.trial.folder, "error", "stub")
    return False


def killed(order: Order) -> bool:
    """Fail in a way that the study retries."""
    assert acquire_trial(order.trial) is None
    conclude_attempt(order.trial, current_attempt(order.trial.folder), "killed", "killed by SIGKILL", "")
    return False


def vanish(order: Order) -> bool:
    return False


def place(trials: Sequence[Trial], cluster: Played, **options: Any) -> tuple[bool, Board, list[str]]:
    setup = Setup(study="stub", command=stub(trials[0].store, 0), **options)
    board = Board(workers=1, pace=Pace())
    finished = Placing(cluster, setup).run(trials, board)
    return finished, board, [board.lines.get_nowait() for _ in range(board.lines.qsize())]


def test_every_trial_is_placed_once_and_settled_in_the_order_in_which_they_end(tmp_path: Path) -> None:
    trials, cluster = trials_in(tmp_path, 3), Played()
    finished, board, lines = place(trials, cluster)
    assert (finished, board.done, board.waiting, dict(board.running)) == (True, 3, (), {})
    assert cluster.placed == ["cell0", "cell1", "cell2"]
    assert [line.split("]")[0] for line in lines] == ["[1/3", "[2/3", "[3/3"]
    assert place(trials, Played())[1].done == 3


def test_a_lost_trial_is_placed_again_and_after_the_last_time_it_is_a_named_failure(tmp_path: Path) -> None:
    trials = [replace(trial, retries=Retries(lost=2)) for trial in trials_in(tmp_path, 2)]
    cluster = Played(cell0=(vanish, finish), cell1=(vanish,))
    _, board, lines = place(trials, cluster)
    assert states(trials) == ["done", "failed"]
    assert cluster.placed.count("cell0") == 2
    assert cluster.placed.count("cell1") == 3
    now = standing(trials[1].folder)
    assert (now.reason, now.message) == (
        "killed",
        "placed 3 times and lost each time: node of cell1.2 is gone",
    )
    assert lines[0] == "lost    arm0 seed 0 (node of cell0.0 is gone): placed again"
    assert (board.done, board.failed) == (1, 1)
    assert not leased(trials)


def test_what_its_study_has_tried_again_is_placed_again_and_is_no_loss(tmp_path: Path) -> None:
    trials = [replace(trials_in(tmp_path, 1)[0], retries=Retries(killed=2, lost=0))]
    cluster = Played(cell0=(killed, killed, finish))
    _, board, lines = place(trials, cluster)
    assert (len(cluster.placed), board.done) == (3, 1)
    assert lines[:2] == [
        f"again   arm0 seed 0: attempt {n} ended (killed): killed by SIGKILL" for n in (1, 2)
    ]
    other = trials_in(tmp_path / "other", 1)
    assert place(other, Played(cell0=(killed,)))[1].failed == 1


def test_a_lease_whose_host_is_gone_is_a_loss_once_it_has_been_still_for_long(tmp_path: Path) -> None:
    def die(order: Order) -> bool:
        folder = attempts_folder(order.trial.folder)
        folder.mkdir(parents=True)
        lease = {"number": 1, "machine": "gone", "host": "gone", "processes": [[1, "start"]]}
        (folder / "0001.json").write_text(json.dumps(lease))
        return False

    seconds = count()
    cluster = Played(cell0=(die, finish))
    _, board, lines = place(
        trials_in(tmp_path, 1), cluster, watch=Watch(10.0, clock=lambda: float(next(seconds)))
    )
    assert (len(cluster.placed), board.done) == (2, 1)
    assert lines[0] == "lost    arm0 seed 0 (node of cell0.0 is gone): placed again"


def test_a_request_to_pause_places_nothing_and_one_to_stop_ends_the_sweep(tmp_path: Path) -> None:
    requests, cluster = iter([PAUSE, PAUSE, STOP]), Played()
    finished, board, _ = place(trials_in(tmp_path, 1), cluster, request=lambda: next(requests))
    assert (finished, board.paused, cluster.placed) == (False, False, [])


def test_an_orphan_that_outlives_its_ticket_is_waited_for_and_not_placed_beside(tmp_path: Path) -> None:
    def orphan(order: Order) -> bool:
        assert acquire_trial(order.trial) is None
        return False

    def then_finish(order: Order) -> bool:  # another trial's end is when the orphan ends
        finish(orphans[0])
        leases.end(attempts_folder(trials[0].folder), current_attempt(trials[0].folder), "done")
        return finish(order)

    trials = trials_in(tmp_path, 2)
    orphans = [Order(trial=trials[0], command=())]
    looks = iter(range(4))
    cluster = Played(cell0=(orphan,), cell1=(lambda order: next(looks) < 3 or then_finish(order),))
    _, board, lines = place(trials, cluster)
    assert cluster.placed == ["cell0", "cell1"]
    assert board.done == 2
    assert not [line for line in lines if line.startswith("lost")]


def test_a_failure_ends_a_trial_until_it_is_forgiven(tmp_path: Path) -> None:
    trials = trials_in(tmp_path, 1)
    place(trials, Played(cell0=(fail,)))
    untouched = Played()
    assert place(trials, untouched)[1].failed == 1
    assert untouched.placed == []
    assert reset_retries(trials[0])
    assert place(trials, untouched)[1].done == 1
    assert untouched.placed == ["cell0"]


def test_what_an_earlier_call_placed_is_not_placed_again_while_it_is_queued(tmp_path: Path) -> None:
    trials = trials_in(tmp_path, 2)
    cluster = Played(before={"cell0": "old"})
    looks = iter(range(3))
    cluster._orders["old"] = (
        Order(trial=trials[0], command=()),
        lambda order: next(looks) < 2 or finish(order),
    )
    _, board, _ = place(trials, cluster)
    assert (cluster.placed, board.done) == (["cell1"], 2)


def test_a_limit_of_orders_at_a_time_is_kept(tmp_path: Path) -> None:
    cluster = Played(room=2)
    assert place(trials_in(tmp_path, 7), cluster)[1].done == 7
    assert cluster.most == 2


def test_to_detach_is_to_place_everything_and_leave(tmp_path: Path) -> None:
    trials, cluster = trials_in(tmp_path, 3), Played()
    finished, _, lines = place(trials, cluster, detach=True)
    assert (finished, lines, len(cluster.placed)) == (True, ["they stay"], 3)
    assert states(trials) == ["pending"] * 3
