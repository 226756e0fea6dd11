"""The pool with a stub trainer in real subprocesses: every ending gets its state and reason, and the rest goes on."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Mapping
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from sspo.errors import UserError
from sweeps import worker
from sweeps.board import Board
from sweeps.claims import CLAIM, Claim, acquire, claim_of, hand_over, holder
from sweeps.estimate import Pace
from sweeps.ledger import standing
from sweeps.plan import Trial
from sweeps.pool import Pool
from sweeps.worker import Command

STUB = Path(__file__).parent / "stub_trainer.py"
ROOT = Path(__file__).parents[2]


def make_trials(store: Path, arms: list[str]) -> list[Trial]:
    return [Trial(arm=arm, seed=0, overrides=(), rollouts=1, store=store, cell=arm) for arm in arms]


def stub(starts: Path, behaviours: Mapping[str, str]) -> Command:
    def command(trial: Trial) -> list[str]:
        return [
            sys.executable,
            "-S",
            str(STUB),
            str(trial.folder),
            behaviours.get(trial.arm, "finish"),
            str(starts),
        ]

    return command


def sweep(
    trials: list[Trial], command: Command, *, retry_failed: bool = False, timeout: float = 30.0
) -> Board:
    board = Board(workers=3, pace=Pace())
    assert Pool(board, command, retry_failed=retry_failed, timeout=timeout).run(trials)
    return board


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
    assert "SIGKILL" in ends["sigkill"].message
    assert "1.5 s" in ends["hang"].message
    assert (board.done, board.diverged, board.failed, board.lines.qsize()) == (2, 1, 5, 8)
    assert not list(tmp_path.rglob(CLAIM))


def test_a_second_sweep_starts_nothing_and_a_retry_starts_the_failed_ones_alone(tmp_path: Path) -> None:
    trials, starts = make_trials(tmp_path, ["good", "bad"]), tmp_path / "starts"
    sweep(trials, stub(starts, {"bad": "raise"}))
    assert started(starts) == ["bad/seed0", "good/seed0"]
    board = sweep(trials, stub(starts, {}))
    assert started(starts) == ["bad/seed0", "good/seed0"]
    assert (board.done, board.failed) == (1, 1)
    sweep(trials, stub(starts, {}), retry_failed=True)
    assert started(starts) == ["bad/seed0", "bad/seed0", "good/seed0"]
    assert [standing(trial.folder).state for trial in trials] == ["done", "done"]


def test_a_divergence_is_a_result_that_a_retry_leaves_alone(tmp_path: Path) -> None:
    trials, starts = make_trials(tmp_path, ["diverge", "bad"]), tmp_path / "starts"
    sweep(trials, stub(starts, {"diverge": "diverge", "bad": "raise"}))
    board = sweep(trials, stub(starts, {}), retry_failed=True)
    assert started(starts) == ["bad/seed0", "bad/seed0", "diverge/seed0"]
    assert (board.done, board.diverged, board.failed) == (1, 1, 0)
    assert standing(trials[0].folder).reason == "diverged"


def test_trials_that_run_at_once_see_a_device_each(tmp_path: Path) -> None:
    trials, starts = make_trials(tmp_path, ["a", "b"]), tmp_path / "starts"
    command = stub(starts, {"a": "device", "b": "device"})
    assert Pool(Board(workers=2, pace=Pace()), command, devices=("3", "GPU-b")).run(trials)
    assert [(trial.folder / "device").read_text() for trial in trials] == ["3", "GPU-b"]


def test_a_trainer_whose_claim_cannot_be_handed_over_is_not_left_to_train(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, pid: int) -> None:
        given.append(pid)
        raise OSError(errno.ENOSPC, "no space left on device")

    given: list[int] = []
    monkeypatch.setattr(worker, "hand_over", refuse)
    trials = make_trials(tmp_path, ["long"])
    with pytest.raises(OSError, match="no space left"):
        sweep(trials, stub(tmp_path / "starts", {"long": "hang"}))
    assert len(given) == 1
    assert not psutil.pid_exists(given[0])  # ended and waited for
    assert holder(trials[0].folder / CLAIM) is None


def test_the_end_of_a_sweep_stops_every_trainer_even_where_one_cannot_be_cleaned_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sweeps.pool.GRACE", 0.0)
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


def test_a_claim_is_handed_over_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*paths: object) -> None:
        raise OSError(errno.EIO, "stub")

    path = tmp_path / CLAIM
    acquire(path)
    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match="stub"):
        hand_over(path, 1)
    claim = holder(path)
    assert claim is not None
    assert claim.pid == os.getpid()


def test_a_claim_of_a_dead_process_is_taken_over_and_one_of_a_live_process_is_waited_for(
    tmp_path: Path,
) -> None:
    trials, starts = make_trials(tmp_path, ["stale", "taken"]), tmp_path / "starts"
    for trial in trials:
        trial.folder.mkdir(parents=True)
    stale = {
        "pid": os.getpid(),
        "host": claim_of(os.getpid()).host,
        "start": 1.0,
    }  # our pid, another process's start
    (trials[0].folder / CLAIM).write_text(json.dumps(stale))
    script = f"import time; time.sleep(1); open({str(trials[1].folder / 'DONE.json')!r}, 'w').write('{{}}')"
    with subprocess.Popen([sys.executable, "-S", "-c", script]) as other:
        (trials[1].folder / CLAIM).write_text(json.dumps(vars(claim_of(other.pid))))
        assert standing(trials[1].folder).state == "running"
        sweep(trials, stub(starts, {}))
    assert started(starts) == ["stale/seed0"]
    assert [standing(trial.folder).state for trial in trials] == ["done", "done"]


def test_a_claim_is_exclusive_and_a_torn_one_is_nobodys(tmp_path: Path) -> None:
    path = tmp_path / CLAIM
    path.write_text("")  # the process was killed between creating the file and writing it
    assert holder(path) is None
    assert acquire(path) is None
    second = acquire(path)
    assert second is not None
    assert second.pid == os.getpid()


def test_a_claim_of_another_host_is_respected(tmp_path: Path) -> None:
    (tmp_path / CLAIM).write_text(json.dumps({"pid": 1, "host": "no such host", "start": 0.0}))
    assert standing(tmp_path).state == "running"


def test_an_interrupt_ends_the_trainers_and_leaves_no_failure_so_that_the_next_sweep_continues(
    tmp_path: Path,
) -> None:
    trials, starts = make_trials(tmp_path, ["long"]), tmp_path / "starts"
    script = f"""
        import sys
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from pathlib import Path
        from test_pool import Board, Pace, Pool, make_trials, stub
        pool = Pool(Board(workers=1, pace=Pace()), stub(Path({str(starts)!r}), {{"long": "hang"}}))
        sys.exit(0 if pool.run(make_trials(Path({str(tmp_path)!r}), ["long"])) else 130)
    """
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], cwd=ROOT) as controller:
        claim = _wait_for_child(trials[0].folder / CLAIM, controller.pid, starts)
        controller.send_signal(signal.SIGTERM)  # as SIGINT, which a shell's background jobs ignore
        assert controller.wait(15) == 130
    assert not claim.live()
    assert standing(trials[0].folder).state == "pending"
    sweep(trials, stub(starts, {}))
    assert standing(trials[0].folder).state == "done"


def _wait_for_child(path: Path, controller: int, starts: Path) -> Claim:
    limit = time.monotonic() + 15
    while time.monotonic() < limit:
        claim = holder(path)
        if claim is not None and claim.pid != controller and starts.is_file():
            return claim
        time.sleep(0.05)
    pytest.fail("the trial did not start within 15 s")
