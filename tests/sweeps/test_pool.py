"""The pool with a stub trainer in real subprocesses: every ending gets its state and reason, and the other trials continue."""

from __future__ import annotations

import errno
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from sspo.errors import UserError
from sweeps.ledger import leases
from sweeps.ledger.leases import Lease, holder
from sweeps.ledger.machine import start_of
from sweeps.ledger.state import attempts_folder, standing
from sweeps.monitor.board import Board
from sweeps.plan.pace import Pace
from sweeps.plan.plan import Trial
from sweeps.workers.attempts import reset_retries
from sweeps.workers.pool import Pool
from sweeps.workers.worker import Command

STUB = Path(__file__).parent / "stub_trainer.py"
ROOT = Path(__file__).parents[2]


def make_trials(store: Path, arms: list[str]) -> list[Trial]:
    return [Trial(arm=arm, seed=0, overrides=(), rollouts=1, store=store, cell=arm) for arm in arms]


def stub(starts: Path, behaviors: Mapping[str, str]) -> Command:
    def command(trial: Trial) -> list[str]:
        return [
            sys.executable,
            "-S",
            str(STUB),
            str(trial.folder),
            behaviors.get(trial.arm, "finish"),
            str(starts),
        ]

    return command


def sweep(trials: list[Trial], command: Command, *, timeout: float = 30.0) -> Board:
    board = Board(workers=3, pace=Pace())
    assert Pool(board, command, timeout=timeout).run(trials)
    return board


def outcomes(trial: Trial) -> list[str]:
    """Return how every attempt at a trial ended, in order."""
    return [lease.outcome for lease in leases.leases(attempts_folder(trial.folder))]


def started(starts: Path) -> list[str]:
    return sorted(starts.read_text().split()) if starts.is_file() else []


def test_every_ending_has_its_state_and_reason_and_the_other_trials_go_on(tmp_path: Path) -> None:
    arms = ["raise", "memory", "sigkill", "hang", "diverge", "silent", "fine", "fine_too"]
    trials = make_trials(tmp_path, arms)
    board = sweep(trials, stub(tmp_path / "starts", {arm: arm for arm in arms}), timeout=1.5)
    ends = {trial.arm: standing(trial.folder) for trial in trials}
    assert {arm: (now.state, now.reason) for arm, now in ends.items()} == {
        "raise": ("failed", "error"),
        "memory": ("failed", "oom"),
        "sigkill": ("failed", "killed"),
        "hang": ("failed", "timeout"),
        "diverge": ("failed", "diverged"),
        "silent": ("failed", "error"),
        "fine": ("done", ""),
        "fine_too": ("done", ""),
    }
    assert ends["raise"].log_tail.endswith("ZeroDivisionError: stub")
    assert outcomes(trials[2]) == ["killed"] * 3  # two retries
    assert outcomes(trials[0]) == ["error"]
    assert "SIGKILL" in ends["sigkill"].message
    assert "1.5 s" in ends["hang"].message
    # one line per ending, and two for the retries of the killed one
    assert (board.done, board.diverged, board.failed, board.lines.qsize()) == (2, 1, 5, 8 + 2)
    assert not any(holder(attempts_folder(trial.folder)) for trial in trials)


def test_a_second_sweep_starts_nothing_and_a_retry_starts_the_failed_ones_alone(tmp_path: Path) -> None:
    trials, starts = make_trials(tmp_path, ["good", "bad"]), tmp_path / "starts"
    sweep(trials, stub(starts, {"bad": "raise"}))
    assert started(starts) == ["bad/seed0", "good/seed0"]
    board = sweep(trials, stub(starts, {}))
    assert started(starts) == ["bad/seed0", "good/seed0"]
    assert (board.done, board.failed) == (1, 1)
    assert [reset_retries(trial) for trial in trials] == [False, True]
    sweep(trials, stub(starts, {}))
    assert started(starts) == ["bad/seed0", "bad/seed0", "good/seed0"]
    assert [standing(trial.folder).state for trial in trials] == ["done", "done"]


def test_a_divergence_is_a_result_that_a_retry_leaves_alone(tmp_path: Path) -> None:
    trials, starts = make_trials(tmp_path, ["diverge", "bad"]), tmp_path / "starts"
    sweep(trials, stub(starts, {"diverge": "diverge", "bad": "raise"}))
    assert [reset_retries(trial) for trial in trials] == [False, True]
    board = sweep(trials, stub(starts, {}))
    assert started(starts) == ["bad/seed0", "bad/seed0", "diverge/seed0"]
    assert (board.done, board.diverged, board.failed) == (1, 1, 0)
    assert standing(trials[0].folder).reason == "diverged"


def test_trials_that_run_at_once_see_a_device_each(tmp_path: Path) -> None:
    trials, starts = make_trials(tmp_path, ["a", "b"]), tmp_path / "starts"
    command = stub(starts, {"a": "device", "b": "device"})
    assert Pool(Board(workers=2, pace=Pace()), command, devices=("3", "GPU-b")).run(trials)
    assert [(trial.folder / "device").read_text() for trial in trials] == ["3", "GPU-b"]


def test_a_trainer_whose_lease_cannot_follow_it_is_not_left_to_train(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(folder: Path, lease: Lease, pid: int) -> Lease:
        given.append(pid)
        raise OSError(errno.ENOSPC, "no space left on device")

    given: list[int] = []
    monkeypatch.setattr(leases, "share", refuse)
    trials = make_trials(tmp_path, ["long"])
    with pytest.raises(OSError, match="no space left"):
        sweep(trials, stub(tmp_path / "starts", {"long": "hang"}))
    assert len(given) == 1
    assert not psutil.pid_exists(given[0])  # ended and waited for


def test_the_end_of_a_sweep_stops_every_trainer_even_where_one_cannot_be_cleaned_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sweeps.workers.pool.GRACE", 0.0)
    trials = make_trials(tmp_path, ["one", "two", "three"])
    starts, stubborn = tmp_path / "starts", dict.fromkeys(["one", "two", "three"], "stubborn")
    pool = Pool(Board(workers=3, pace=Pace()), stub(starts, stubborn))

    def break_off() -> None:
        pids.extend(running.process.pid for running in pool._active.values())
        for trial in trials[:2]:
            (trial.folder / "FAILED.json").write_text("torn")
        raise RuntimeError("stub")

    pids: list[int] = []
    monkeypatch.setattr(pool, "_reap", lambda: break_off() if len(started(starts)) == 3 else None)
    with pytest.raises(UserError, match=r"FAILED\.json is damaged"):
        pool.run(trials)
    assert len(pids) == 3
    assert not any(psutil.pid_exists(pid) for pid in pids)


def controller_of_a_hanging_trial(store: Path, starts: Path) -> subprocess.Popen[bytes]:
    script = f"""
        import sys
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from pathlib import Path
        from test_pool import Board, Pace, Pool, make_trials, stub
        pool = Pool(Board(workers=1, pace=Pace()), stub(Path({str(starts)!r}), {{"long": "hang"}}))
        sys.exit(0 if pool.run(make_trials(Path({str(store)!r}), ["long"])) else 130)
    """
    return subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], cwd=ROOT)


def test_an_interrupt_ends_the_trainers_and_leaves_no_failure_so_that_the_next_sweep_continues(
    tmp_path: Path,
) -> None:
    trials, starts = make_trials(tmp_path, ["long"]), tmp_path / "starts"
    with controller_of_a_hanging_trial(tmp_path, starts) as controller:
        trainer = _wait_for_child(trials[0], starts)
        controller.send_signal(signal.SIGTERM)  # as SIGINT, which a shell's background jobs ignore
        assert controller.wait(15) == 130
    assert start_of(trainer) is None
    assert standing(trials[0].folder).state == "pending"
    assert outcomes(trials[0]) == ["interrupted"]
    sweep(trials, stub(starts, {}))
    assert standing(trials[0].folder).state == "done"


def test_a_killed_controller_takes_its_trainers_along_and_the_next_sweep_goes_on_at_once(
    tmp_path: Path,
) -> None:
    trials, starts = make_trials(tmp_path, ["long"]), tmp_path / "starts"
    with controller_of_a_hanging_trial(tmp_path, starts) as controller:
        trainer = _wait_for_child(trials[0], starts)
        controller.kill()
    _wait_until(lambda: start_of(trainer) is None)
    sweep(trials, stub(starts, {}))
    assert outcomes(trials[0]) == ["lost", "done"]


def _wait_for_child(trial: Trial, starts: Path) -> int:
    """Return the pid of a trainer that has started."""

    def begun() -> bool:
        lease = holder(attempts_folder(trial.folder))
        return lease is not None and len(lease.processes) == 2 and starts.is_file()

    _wait_until(begun)
    lease = holder(attempts_folder(trial.folder))
    assert lease is not None
    return lease.processes[1][0]


def _wait_until(true: Callable[[], bool]) -> None:
    limit = time.monotonic() + 60
    while not true():
        assert time.monotonic() < limit, "not within 60 s"
        time.sleep(0.05)
