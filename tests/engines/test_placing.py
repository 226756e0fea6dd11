"""Orders on a cluster that the test plays itself: what is lost is placed again, what ended is never placed twice."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from sspo.runlog import DONE, mark_failed, write_marker
from sweeps.board import Board
from sweeps.claims import CLAIM, acquire, release
from sweeps.engines.engine import Setup
from sweeps.engines.placing import PLACINGS, Placing
from sweeps.estimate import Pace
from sweeps.ledger import standing
from sweeps.one_trial import Order
from sweeps.plan import Trial
from sweeps.stops import Stops
from tests.engines.parts import states, stub, trials_in

Play = Callable[[Order], bool]
"""What becomes of an order at the next look; whether its ticket stays live."""


class Played:
    """A cluster whose n-th placing of a cell goes as the n-th of its plays says, the last one from then on."""

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


def vanish(order: Order) -> bool:
    return False


def place(
    trials: Sequence[Trial], cluster: Played, *, retry_failed: bool = False, detach: bool = False
) -> tuple[bool, Board, list[str]]:
    setup = Setup(
        study="stub",
        command=stub(trials[0].store, 0),
        workers=None,
        retry_failed=retry_failed,
        timeout=None,
        detach=detach,
    )
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
    trials, cluster = trials_in(tmp_path, 2), Played(cell0=(vanish, finish), cell1=(vanish,))
    _, board, lines = place(trials, cluster)
    assert states(trials) == ["done", "failed"]
    assert cluster.placed.count("cell0") == 2
    assert cluster.placed.count("cell1") == PLACINGS
    now = standing(trials[1].folder)
    assert (now.reason, now.message) == (
        "killed",
        "placed 3 times and lost each time: node of cell1.2 is gone",
    )
    assert lines[0] == "lost    arm0 seed 0 (node of cell0.0 is gone): it is placed again"
    assert (board.done, board.failed) == (1, 1)
    assert not list(tmp_path.rglob(CLAIM))


def test_an_orphan_that_outlives_its_ticket_is_waited_for_and_not_placed_beside(tmp_path: Path) -> None:
    def orphan(order: Order) -> bool:
        acquire(order.trial.folder / CLAIM)
        return False

    def then_finish(order: Order) -> bool:  # another trial's end is when the orphan ends
        release(trials[0].folder / CLAIM)
        finish(orphans[0])
        return finish(order)

    trials = trials_in(tmp_path, 2)
    orphans = [Order(trial=trials[0], command=())]
    looks = iter(range(4))
    cluster = Played(cell0=(orphan,), cell1=(lambda order: next(looks) < 3 or then_finish(order),))
    _, board, lines = place(trials, cluster)
    assert cluster.placed == ["cell0", "cell1"]
    assert board.done == 2
    assert not [line for line in lines if line.startswith("lost")]


def test_a_failure_ends_a_trial_and_a_retry_waits_for_the_new_end_instead_of_the_old(tmp_path: Path) -> None:
    trials = trials_in(tmp_path, 1)
    place(trials, Played(cell0=(fail,)))
    untouched = Played()
    assert place(trials, untouched)[1].failed == 1
    assert untouched.placed == []
    looks = iter(range(3))
    slow = Played(cell0=(lambda order: next(looks) < 2 or finish(order),))
    assert place(trials, slow, retry_failed=True)[1].done == 1
    assert slow.placed == ["cell0"]


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
