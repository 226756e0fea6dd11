"""One trial from claim to marker: idempotent, classed as the pool classes it, and stopped without a failure."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from sspo.compose import CONF_ROOT
from sspo.errors import UserError
from sspo.runlog import mark_failed
from sweeps import one_trial
from sweeps.claims import CLAIM, acquire, holder
from sweeps.ledger import standing
from sweeps.one_trial import Order, failure, run_order
from sweeps.plan import make_plan
from sweeps.study import load
from sweeps.training import RunOptions
from sweeps.trial_command import run_trial
from tests.engines.parts import ROOT, counted, events, stub, trials_in, wait_until


def order_in(
    store: Path, seconds: float = 0.0, timeout: float | None = None, retries: int | None = None
) -> Order:
    trial = trials_in(store, 1)[0]
    return Order(trial=trial, command=tuple(stub(store, seconds)(trial)), timeout=timeout, retries=retries)


def test_a_trial_runs_once_however_often_it_is_ordered(tmp_path: Path) -> None:
    assert [run_order(order_in(tmp_path)) for _ in range(3)] == ["done"] * 3
    assert counted(tmp_path, "start") == {"cell0": 1}
    assert not list(tmp_path.rglob(CLAIM))


def test_what_another_process_holds_is_left_alone(tmp_path: Path) -> None:
    order = order_in(tmp_path)
    acquire(order.trial.folder / CLAIM)
    assert run_order(order) == "held"
    assert not events(tmp_path)


def test_a_limit_ends_it_as_timeout_and_only_the_failure_that_was_named_is_tried_again(
    tmp_path: Path,
) -> None:
    assert run_order(order_in(tmp_path, seconds=60, timeout=0.5)) == "failed"
    first = order_in(tmp_path).trial
    assert standing(first.folder).reason == "timeout"
    named = failure(first)
    assert run_order(order_in(tmp_path)) == "failed"  # an order that retries nothing
    assert run_order(order_in(tmp_path, seconds=60, timeout=0.5, retries=named)) == "failed"
    assert run_order(order_in(tmp_path, retries=named)) == "failed"  # the same order, delivered twice
    assert counted(tmp_path, "start") == {"cell0": 2}
    assert run_order(order_in(tmp_path, retries=failure(first))) == "done"


def test_a_divergence_is_a_result_that_no_order_repeats(tmp_path: Path) -> None:
    trial = trials_in(tmp_path, 1)[0]
    mark_failed(trial.folder, "diverged", "loss is not finite")
    assert run_order(order_in(tmp_path, retries=failure(trial))) == "diverged"
    assert not events(tmp_path)


def test_a_trial_that_ended_between_the_look_and_the_claim_is_not_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(trial: object) -> None:
        mark_failed(order.trial.folder, "error", "by another process")
        return acquire(order.trial.folder / CLAIM)

    order = order_in(tmp_path)
    monkeypatch.setattr(one_trial, "claim_trial", late)
    assert run_order(order) == "failed"
    assert not events(tmp_path)
    assert holder(order.trial.folder / CLAIM) is None


def test_a_trainer_that_cannot_start_leaves_no_claim_in_a_process_that_lives_on(tmp_path: Path) -> None:
    order = order_in(tmp_path)
    missing = Order(trial=order.trial, command=(str(tmp_path / "missing"),))
    with pytest.raises(FileNotFoundError):
        run_order(missing)
    assert run_order(order) == "done"


def test_a_signal_to_the_whole_group_stops_the_trial_without_a_failure_and_the_next_order_continues(
    tmp_path: Path,
) -> None:
    script = f"""
        import sys
        from pathlib import Path
        from sweeps.one_trial import EXITS, run_order
        from tests.engines.test_one_trial import order_in
        sys.exit(EXITS[run_order(order_in(Path({str(tmp_path)!r}), seconds=60))])
    """
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], cwd=ROOT) as job:
        wait_until(lambda: bool(events(tmp_path)))
        for pid in (int(events(tmp_path)[0][2]), job.pid):  # as Slurm does: trainer and worker alike
            os.kill(pid, signal.SIGTERM)
        assert job.wait(60) == 130
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


def test_the_command_runs_one_trial_of_a_study_and_names_the_seeds_where_there_is_none(
    tmp_path: Path,
) -> None:
    from rich.console import Console

    plan = make_plan(load(CONF_ROOT / "study", "clip_ablation"), "smoke", tmp_path)
    console = Console(width=200, force_terminal=False)
    with console.capture() as printed:
        assert run_trial(plan, "grpo", 0, RunOptions(), console, stub(tmp_path, 0)) == 0
    assert printed.get() == "grpo seed 0: done\n"
    assert len(events(tmp_path)) == 2
    with pytest.raises(UserError, match=r"arm 'grpo' of clip_ablation .smoke. has no seed 7: valid: 0"):
        run_trial(plan, "grpo", 7, RunOptions(), console, stub(tmp_path, 0))
    with pytest.raises(UserError, match=r"did you mean 'grpo'"):
        run_trial(plan, "gropo", 0, RunOptions(), console, stub(tmp_path, 0))
