"""One trial from lease to marker: idempotent, classified as in the pool, and stopped without a failure."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sspo.runs.runlog import mark_failed
from sweeps.ledger.leases import Lease, Watch
from sweeps.ledger.state import standing
from sweeps.monitor.requests import REQUEST_FILE, STOP, RequestReader
from sweeps.plan.plan import Trial
from sweeps.study.limits import Retries
from sweeps.workers import order as one_trial
from sweeps.workers import worker
from sweeps.workers.attempts import acquire_trial, attempts_folder, reset_retries
from sweeps.workers.order import Order, run_order
from tests.engines.parts import ROOT, counted, events, leased, stub, trials_in, wait_until


def order_in(store: Path, seconds: float = 0.0, **options: Any) -> Order:
    trial = trials_in(store, 1)[0]
    return Order(trial=trial, command=tuple(stub(store, seconds)(trial)), **options)


def failing(store: Path, **retries: int) -> Order:
    """Its trainer kills itself."""
    trial = replace(trials_in(store, 1)[0], retries=Retries(**retries))
    return Order(trial=trial, command=("/bin/sh", "-c", "kill -9 $$"))


def test_a_trial_runs_once_however_often_it_is_ordered(tmp_path: Path) -> None:
    assert [run_order(order_in(tmp_path)) for _ in range(3)] == ["done"] * 3
    assert counted(tmp_path, "start") == {"cell0": 1}
    assert not leased(trials_in(tmp_path, 1))


@pytest.mark.parametrize(
    ("shows_life", "end", "starts"),
    [(True, "held", 0), pytest.param(False, "done", 1, marks=pytest.mark.acceptance)],
)
def test_what_another_process_holds_is_left_alone_for_as_long_as_that_shows_life(
    tmp_path: Path, shows_life: bool, end: str, starts: int
) -> None:
    order = order_in(tmp_path, stale_after=4.0 if not shows_life else 600.0)
    folder, over = attempts_folder(order.trial.folder), threading.Event()
    folder.mkdir(parents=True)
    lease = {"number": 1, "machine": "another", "host": "another", "processes": [[1, "start"]]}
    (folder / "0001.json").write_text(json.dumps(lease))

    def live() -> None:
        while shows_life and not over.wait(0.3):
            os.utime(folder / "0001.json")

    other = threading.Thread(target=live)
    other.start()
    assert run_order(order) == end
    over.set()
    other.join()
    assert counted(tmp_path, "start")["cell0"] == starts


def test_a_failure_is_tried_again_as_often_as_its_study_says_and_an_order_after_that_returns_it(
    tmp_path: Path,
) -> None:
    assert [run_order(failing(tmp_path, killed=1)) for _ in range(3)] == ["again", "failed", "failed"]
    trial = trials_in(tmp_path, 1)[0]
    assert standing(trial.folder).attempt == 2
    assert reset_retries(trial)
    assert run_order(order_in(tmp_path)) == "done"


def test_a_limit_ends_it_as_timeout(tmp_path: Path) -> None:
    assert run_order(order_in(tmp_path, seconds=60, timeout=0.5)) == "failed"
    assert standing(trials_in(tmp_path, 1)[0].folder).reason == "timeout"


def test_a_divergence_is_a_result_that_no_order_repeats(tmp_path: Path) -> None:
    trial = trials_in(tmp_path, 1)[0]
    mark_failed(trial.folder, "diverged", "loss is not finite")
    assert not reset_retries(trial)
    assert run_order(order_in(tmp_path)) == "diverged"
    assert not events(tmp_path)


def test_a_trial_that_ended_between_the_look_and_the_lease_is_not_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(trial: Trial, watch: Watch) -> Lease | None:
        mark_failed(trial.folder, "error", "by another process")
        return acquire_trial(trial, watch)

    monkeypatch.setattr(one_trial, "acquire_trial", late)
    assert run_order(order_in(tmp_path)) == "failed"
    assert not events(tmp_path)
    assert not leased(trials_in(tmp_path, 1))


def test_a_worker_that_cannot_start_leaves_no_lease_in_a_process_that_lives_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(worker, "LAUNCH", (str(tmp_path / "missing"),))
        with pytest.raises(FileNotFoundError):
            run_order(order_in(tmp_path))
    assert run_order(order_in(tmp_path)) == "done"


def test_a_signal_to_the_whole_group_stops_the_trial_without_a_failure_and_the_next_order_continues(
    tmp_path: Path,
) -> None:
    script = f"""
        import sys
        from pathlib import Path
        from sweeps.workers.order import run_order
        from tests.engines.test_one_trial import order_in
        sys.exit(run_order(order_in(Path({str(tmp_path)!r}), seconds=60)) != "stopped")
    """
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], cwd=ROOT) as job:
        wait_until(lambda: bool(events(tmp_path)))
        for pid in (int(events(tmp_path)[0][2]), job.pid):  # as Slurm does: trainer and worker alike
            os.kill(pid, signal.SIGTERM)
        assert job.wait(60) == 0
    assert standing(trials_in(tmp_path, 1)[0].folder).state == "pending"
    assert run_order(order_in(tmp_path)) == "done"


def test_an_exception_that_a_handler_raises_ends_the_trainer(tmp_path: Path) -> None:
    def leave(number: int, frame: object) -> None:
        sys.exit(-1)  # as submitit does when a job's time is up

    before = signal.signal(signal.SIGUSR2, leave)
    try:
        starter = threading.Thread(
            target=lambda: (wait_until(lambda: bool(events(tmp_path))), os.kill(os.getpid(), signal.SIGUSR2))
        )
        starter.start()
        with pytest.raises(SystemExit):
            run_order(order_in(tmp_path, seconds=60))
        starter.join()
    finally:
        signal.signal(signal.SIGUSR2, before)
    assert not Path(f"/proc/{events(tmp_path)[0][2]}").exists()
    assert standing(trials_in(tmp_path, 1)[0].folder).state == "pending"


def test_a_request_to_stop_reaches_a_job_that_waited_and_one_that_trains_and_no_controller(
    tmp_path: Path,
) -> None:
    trial, control = trials_in(tmp_path, 1)[0], tmp_path / "control"
    control.mkdir()
    order = order_in(tmp_path, seconds=60, request=RequestReader(control))

    def stop() -> None:
        wait_until(lambda: bool(events(tmp_path)))
        (control / REQUEST_FILE).write_text(json.dumps({"wish": STOP}))

    user = threading.Thread(target=stop)
    user.start()
    assert run_order(order) == "stopped"  # in training: its 60 seconds are not awaited
    user.join()
    assert standing(trial.folder).state == "pending"
    assert run_order(order) == "stopped"  # out of the queue
    assert counted(tmp_path, "start") == {"cell0": 1}
    (control / REQUEST_FILE).unlink()
    assert run_order(order_in(tmp_path, request=RequestReader(control))) == "done"
