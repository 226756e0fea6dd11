"""Leases: exactly one holder, judged by heartbeats and never by a clock that can be set."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from sspo.errors import UserError
from sspo.runs import fence
from sspo.runs.runlog import RunLog, mark_failed
from sweeps.ledger import leases
from sweeps.ledger.leases import LONGEST_LOOK, Lease, Watch, acquire, newest
from sweeps.ledger.lock import alone
from sweeps.ledger.machine import start_of, this_machine


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def foreign(folder: Path, **changes: object) -> Lease:
    """Return a lease of a process on another machine."""
    folder.mkdir(parents=True, exist_ok=True)
    lease = replace(Lease(number=1, machine="other", host="far", processes=((1, "1"),)), **changes)
    fence.file_of(folder, lease.number).write_text(json.dumps(vars(lease)))
    return lease


def still_for(folder: Path, lease: Lease, seconds: float, watch: Watch, clock: Clock) -> bool:
    """Return the judgment of a watch that observes every second."""
    over = watch.over(folder, lease)
    for _ in range(int(seconds)):
        clock.now += 1
        over = watch.over(folder, lease)
    return over


def test_a_lease_of_another_machine_is_given_up_when_it_has_been_still_for_long_and_not_before(
    tmp_path: Path,
) -> None:
    lease, clock = foreign(tmp_path), Clock()
    watch = Watch(60.0, clock)
    assert not still_for(tmp_path, lease, 59, watch, clock)
    leases.heartbeat(tmp_path, lease)
    assert not still_for(
        tmp_path, lease, 59, watch, clock
    )  # since the first of these observations, which saw the heartbeat
    assert still_for(tmp_path, lease, 1, watch, clock)


@pytest.mark.parametrize("wall", [0.0, 1e9, 4e9])
def test_no_setting_of_any_clock_makes_a_holder_look_dead_or_a_dead_one_alive(
    wall: float, tmp_path: Path
) -> None:
    lease, clock = foreign(tmp_path), Clock()
    path, watch = fence.file_of(tmp_path, 1), Watch(60.0, clock)
    os.utime(path, (wall, wall))  # written by a machine whose clock shows 1970, 2001 or 2096
    assert not still_for(tmp_path, lease, 59, watch, clock)
    os.utime(path, (wall - 5e8, wall - 5e8))  # it jumped back, and the holder lives
    assert not still_for(tmp_path, lease, 59, watch, clock)
    assert still_for(tmp_path, lease, 1, watch, clock)


def test_an_observer_that_slept_gives_nobody_up_for_it(tmp_path: Path) -> None:
    lease, clock = foreign(tmp_path), Clock()
    watch = Watch(60.0, clock)
    watch.over(tmp_path, lease)
    clock.now += 3600
    assert not watch.over(tmp_path, lease)
    # that observation counted for LONGEST_LOOK
    assert not still_for(tmp_path, lease, 60 - LONGEST_LOOK - 1, watch, clock)
    assert still_for(tmp_path, lease, 1, watch, clock)


def test_a_process_of_this_machine_is_looked_at_and_a_later_one_with_its_pid_is_another(
    tmp_path: Path,
) -> None:
    own = (os.getpid(), start_of(os.getpid()) or "")
    living = Lease(number=1, machine=this_machine(), processes=(own,))
    assert not living.holder_gone()
    assert replace(living, processes=((own[0], "1"),)).holder_gone()
    assert not replace(living, processes=((own[0], "1"), own)).holder_gone()  # its trial lives
    assert not replace(living, machine="other", processes=((own[0], "1"),)).holder_gone()


@pytest.mark.parametrize("before", ["nobody", "released", "stale", "torn"])
def test_of_many_that_want_a_lease_exactly_one_gets_it(before: str, tmp_path: Path) -> None:
    clock = Clock()
    if before == "torn":
        fence.file_of(tmp_path, 1).touch()
    elif before != "nobody":
        foreign(tmp_path, outcome="done" if before == "released" else "")
    watches = [Watch(60.0, clock) for _ in range(16)]
    first = newest(tmp_path)
    if first is not None:
        for watch in watches:
            assert still_for(tmp_path, first, 60, watch, clock) or before == "released"
    barrier, won = threading.Barrier(16), []

    def want(watch: Watch) -> None:
        barrier.wait()
        own, _ = acquire(tmp_path, watch)
        if own is not None:
            won.append(own)

    threads = [threading.Thread(target=want, args=(watch,)) for watch in watches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [lease.number for lease in won] == [1 if before == "nobody" else 2]
    assert newest(tmp_path) == won[0]


def test_a_lease_that_cannot_be_filled_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(lease: Lease) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(leases, "_text", refuse)
    with pytest.raises(OSError, match="No space"):
        acquire(tmp_path, Watch())
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_was_taken_over_writes_nothing_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "attempts"
    lease, _ = acquire(folder, Watch())
    assert lease is not None
    for name, value in leases.held(folder, lease).environment().items():
        monkeypatch.setenv(name, value)
    log = RunLog(tmp_path)
    log.evaluation([{"rollout": 0}])
    fence.file_of(folder, 2).touch()  # another process's
    with pytest.raises(fence.LeaseLost):
        log.evaluation([{"rollout": 1}])
    with pytest.raises(fence.LeaseLost):
        log.rewind({})
    with pytest.raises(fence.LeaseLost):
        RunLog(tmp_path)
    with pytest.raises(fence.LeaseLost):
        mark_failed(tmp_path, "error", "late")
    assert (tmp_path / "eval.jsonl").read_text() == '{"rollout": 0}\n'
    assert sorted(path.name for path in tmp_path.iterdir()) == ["attempts", "eval.jsonl"]


def test_a_lock_of_another_machine_is_refused_once_it_shows_life_and_taken_when_it_never_does(
    tmp_path: Path,
) -> None:
    lease = foreign(tmp_path)
    beating = threading.Timer(0.7, leases.heartbeat, (tmp_path, lease))
    beating.start()
    with (
        pytest.raises(UserError, match="another sweep runs in this store as process 1 on far; wait for it"),
        alone(tmp_path, "sweep", watch=Watch(3600.0)),
    ):
        pass
    beating.join()
    with alone(tmp_path, "sweep", watch=Watch(1.0)):
        now = newest(tmp_path)
        assert now is not None
        assert now.pid == os.getpid()
    assert [path.name for path in tmp_path.iterdir()] == ["0002.json"]
