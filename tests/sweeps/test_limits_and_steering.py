"""Limits and retries of a trial, control requests from another terminal, and what a frozen worker may no longer do."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import frozen_process
import pytest
from rich.console import Console
from test_pool import make_trials, outcomes, started, stub, sweep
from test_run_and_status import smoke

from sspo.errors import UserError
from sspo.runs.runlog import FAILED, mark_failed
from sweeps.control.steer import retry, steer
from sweeps.control.sweep import RunOptions, run_sweep, run_work, train
from sweeps.ledger import leases
from sweeps.ledger.machine import start_of
from sweeps.ledger.state import attempts_folder, standing
from sweeps.monitor.board import Board
from sweeps.monitor.requests import PAUSE, RUN, STOP, request_reader, write_request
from sweeps.monitor.status import watch_status
from sweeps.plan.pace import Pace
from sweeps.plan.plan import Trial
from sweeps.study.checks import check
from sweeps.study.limits import Resources, Retries
from sweeps.workers.attempts import acquire_trial
from sweeps.workers.pool import Pool

HERE = Path(__file__).parent
QUIET = Console(width=200, file=Path(os.devnull).open("w"))  # noqa: SIM115


def wait_until(true: Callable[[], bool]) -> None:
    limit = time.monotonic() + 120
    while not true():
        assert time.monotonic() < limit, "not within 120 s"
        time.sleep(0.02)


def said(act: Callable[[Console], object]) -> str:
    console = Console(width=300, force_terminal=False)
    with console.capture() as printed:
        act(console)
    return printed.get()


def test_a_trial_over_its_memory_is_ended_as_oom_and_names_both_figures(tmp_path: Path) -> None:
    trial = replace(make_trials(tmp_path, ["glutton"])[0], resources=Resources(memory_gb=0.1))
    modest = replace(make_trials(tmp_path, ["modest"])[0], resources=Resources(memory_gb=0.1))
    sweep([trial, modest], stub(tmp_path / "starts", {"glutton": "glutton"}))
    now = standing(trial.folder)
    assert (now.state, now.reason) == ("failed", "oom")
    assert "and its limit is 0.1 GB" in now.message
    assert standing(modest.folder).state == "done"


def test_threads_reach_the_trial_and_take_as_many_slots(tmp_path: Path) -> None:
    wide = [replace(trial, resources=Resources(threads=2)) for trial in make_trials(tmp_path, ["a", "b"])]
    command = stub(tmp_path / "starts", {"a": "threads", "b": "threads"})
    board = Board(workers=3, pace=Pace())
    pool, most = Pool(board, command), 0
    fill = pool._fill

    def count() -> None:
        nonlocal most
        fill()
        most = max(most, len(pool._active))

    pool._fill = count  # type: ignore[method-assign]
    assert pool.run(wide)
    assert most == 1  # two of 2 slots each are more than 3
    assert [(trial.folder / "threads").read_text() for trial in wide] == ["2 PASSIVE", "2 PASSIVE"]
    with pytest.raises(UserError, match=r"arm 'a' requires 2 threads per trial and there are 1 slots; lower"):
        train("study", [wide[0]], RunOptions(workers=1), QUIET, command)


def test_resources_and_retries_of_a_spec_reach_its_trials_and_change_no_cell(tmp_path: Path) -> None:
    plan = smoke(tmp_path)
    study = plan.study
    head = replace(study.head, resources=Resources(memory_gb=2.0), retries=Retries(error=1))
    assert replace(study, head=head).sha256() == study.sha256()
    for wrong, sentence in [
        ({"resources": Resources(threads=0)}, r"resources\.threads must be at least 1, got 0"),
        ({"resources": Resources(timeout=-1.0)}, r"resources\.timeout must be a number above 0, got -1"),
        ({"retries": Retries(killed=-1)}, r"retries\.killed must be a whole number of at least 0, got -1"),
    ]:
        with pytest.raises(UserError, match=sentence):
            check(replace(study, head=replace(study.head, **wrong)))  # type: ignore[arg-type]
    with pytest.raises(
        UserError, match="unknown class of failure in --retries 'kiled': did you mean 'killed'"
    ):
        run_sweep(plan, RunOptions(retries="kiled=2"), QUIET)


@pytest.mark.parametrize(("behavior", "tries"), [("raise", 2), ("sigkill", 1), ("diverge", 1)])
def test_a_crash_loop_ends_whoever_runs_it(behavior: str, tries: int, tmp_path: Path) -> None:
    trial = replace(make_trials(tmp_path, ["bad"])[0], retries=Retries(error=1, killed=0))
    starts = tmp_path / "starts"
    for _ in range(3):  # three sweeps one after another
        sweep([trial], stub(starts, {"bad": behavior}))
    assert len(started(starts)) == tries
    assert standing(trial.folder).state == "failed"


def test_an_attempt_whose_worker_vanished_is_judged_by_the_next_one(tmp_path: Path) -> None:
    """Make dead leases, which represent workers that died, with a pid 1 that never existed."""
    trial, failed = make_trials(tmp_path, ["loop", "marked"])
    trial = replace(trial, retries=Retries(lost=1))

    def die(of: Trial, number: int) -> None:
        folder = attempts_folder(of.folder)
        folder.mkdir(parents=True, exist_ok=True)
        lease = leases.Lease(number=number, machine=leases.this_machine(), host="here", processes=((1, "0"),))
        leases.end(folder, lease, "")

    die(trial, 1)
    assert standing(trial.folder).state == "pending"
    assert acquire_trial(trial) is None
    assert outcomes(trial) == ["lost", ""]
    die(trial, 2)
    assert acquire_trial(trial) is not None  # twice exceeds the limit
    assert (standing(trial.folder).reason, outcomes(trial)) == ("killed", ["lost", "lost", "void"])
    assert json.loads((trial.folder / FAILED).read_text())["message"] == "its worker, process 1, vanished"
    mark_failed(failed.folder, "diverged", "loss is nan")
    die(failed, 1)
    assert standing(failed.folder).state == "pending"  # not concluded yet
    assert acquire_trial(failed) is not None
    assert (standing(failed.folder).outcome, outcomes(failed)) == ("diverged", ["diverged", "void"])


@pytest.mark.parametrize("trial_too", [True, pytest.param(False, marks=pytest.mark.acceptance)])
def test_a_frozen_worker_whose_trial_was_taken_over_writes_no_more_and_waits_for_the_other(
    trial_too: bool, tmp_path: Path
) -> None:
    """If the trial continues under its frozen worker, it detects the loss by itself."""
    pulses = tmp_path / "pulses"
    with subprocess.Popen([sys.executable, frozen_process.__file__, str(tmp_path)]) as frozen:
        wait_until(pulses.exists)
        (first,) = set(pulses.read_text().split())
        os.kill(frozen.pid, signal.SIGSTOP)
        if trial_too:
            os.kill(int(first), signal.SIGSTOP)

        def thaw_when_taken_over() -> None:
            wait_until(lambda: len(set(pulses.read_text().split())) == 2)
            if trial_too:
                os.kill(int(first), signal.SIGCONT)
            wait_until(lambda: start_of(int(first)) is None)
            os.kill(frozen.pid, signal.SIGCONT)
            (tmp_path / "release").touch()

        helper = threading.Thread(target=thaw_when_taken_over)
        helper.start()
        assert frozen_process.sweep(tmp_path)
        helper.join()
        assert frozen.wait(60) == 0
    writers = pulses.read_text().split()
    second = next(pid for pid in writers if pid != first)
    # a write that was frozen after its check may still happen
    assert writers[writers.index(second) :].count(first) <= 1
    trial = Trial(arm="one", seed=0, overrides=(), rollouts=1, store=tmp_path, cell="one")
    assert outcomes(trial)[:2] == ["lost", "done"]


def test_a_pause_lets_what_runs_end_and_starts_nothing_until_it_is_resumed(tmp_path: Path) -> None:
    plan, starts = smoke(tmp_path), tmp_path / "starts"
    steps: list[str] = []

    def requested() -> str:
        if len(started(starts)) == 1 and not steps:
            steps.append(said(lambda console: steer(plan, PAUSE, console)))
            steps.append(str(time.monotonic()))
        if len(steps) == 2 and time.monotonic() > float(steps[1]) + 2.5:  # several checks
            assert len(started(starts)) == 1
            assert [standing(trial.folder).state for trial in plan.trials()].count("done") == 1
            steps.append(said(lambda console: steer(plan, RUN, console)))
        return request_reader(plan)()

    run_sweep(plan, RunOptions(workers=1), QUIET, stub(starts, {"base": "raise"}))  # writes the manifest
    assert said(lambda console: retry(plan, None, None, console)).startswith(
        "1 trials will be retried: base seed 0"
    )
    for trial in plan.trials():
        (trial.folder / "DONE.json").unlink(missing_ok=True)
    starts.unlink()
    write_request(plan, RUN)
    assert train("study", plan.trials(), RunOptions(workers=1), QUIET, stub(starts, {}), requested)
    assert steps[0].startswith("paused")
    assert steps[2].startswith("resumed")


def test_a_stop_ends_every_worker_and_a_joined_one_finishes_what_is_left(tmp_path: Path) -> None:
    plan, starts = smoke(tmp_path), tmp_path / "starts"
    with pytest.raises(UserError, match=r"has no sweep of clip_ablation \(smoke\) with its current spec"):
        run_work(plan, RunOptions(workers=1), QUIET, stub(starts, {}))
    with pytest.raises(UserError, match=r"no sweep of clip_ablation \(smoke\) was ever started"):
        steer(plan, STOP, QUIET)
    stopper = threading.Thread(target=lambda: (wait_until(starts.exists), steer(plan, STOP, QUIET)))
    stopper.start()
    assert run_sweep(plan, RunOptions(workers=1), QUIET, stub(starts, {"base": "hang"})) == 130
    stopper.join()
    assert [standing(trial.folder).state for trial in plan.trials()] == ["pending"] * 3
    with pytest.raises(
        UserError, match="was stopped; continue it with `sweeps resume clip_ablation --preset smoke`"
    ):
        run_work(plan, RunOptions(workers=1), QUIET, stub(starts, {}))
    assert "none of its sweeps is running" in said(lambda console: steer(plan, RUN, console))
    assert run_work(plan, RunOptions(workers=2), QUIET, stub(starts, {"base": "raise"})) == 1
    assert "1 trials will be retried: base seed 0" in said(
        lambda console: retry(plan, "base", "error", console)
    )
    assert run_work(plan, RunOptions(workers=2), QUIET, stub(starts, {})) == 0
    assert said(lambda console: watch_status(plan, console)).startswith(
        "3 done, 0 running, 0 diverged, 0 failed, 0 to do\n"
    )


def test_a_failure_that_is_forgiven_while_the_sweep_runs_is_tried_again_by_it(tmp_path: Path) -> None:
    plan, starts = smoke(tmp_path), tmp_path / "starts"
    asked: list[str] = []

    def requested() -> str:
        if not asked and any(standing(trial.folder).state == "failed" for trial in plan.trials()):
            asked.append(said(lambda console: retry(plan, None, None, console)))
        return RUN

    def command(trial: Trial) -> list[str]:
        first = len([name for name in started(starts) if name.startswith(trial.cell)]) == 0
        return list(stub(starts, {"base": "raise" if first else "finish", "sspo": "slow"})(trial))

    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "clip_ablation.smoke.json").touch()
    assert train("study", plan.trials(), RunOptions(workers=2), QUIET, command, requested)
    assert len(asked) == 1
    assert [standing(trial.folder).state for trial in plan.trials()] == ["done"] * 3


def test_a_store_that_holds_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(
        UserError, match=r"holds something other than runs \(thesis\.tex\); pass an empty or new folder"
    ):
        run_sweep(smoke(tmp_path), RunOptions(), QUIET)


def test_a_full_disk_stops_the_sweep_in_one_sentence_and_fails_no_trial(tmp_path: Path) -> None:
    trial = make_trials(tmp_path, ["full"])[0]
    starts = tmp_path / "starts"
    with pytest.raises(
        UserError, match=r"the disk of the store .* is full: full seed 0 could not write; free some space"
    ):
        sweep([trial], stub(starts, {"full": "full"}))
    assert (standing(trial.folder).state, outcomes(trial)) == ("pending", ["interrupted"])
