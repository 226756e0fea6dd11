"""`sweeps run` and `sweeps status` from end to end, with a stub trainer on the real study's smoke preset."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console
from test_pool import started, stub

from sspo.config.places import CONF_ROOT
from sspo.console.one_sentence import one_sentence
from sspo.errors import UserError
from sweeps.__main__ import main
from sweeps.control.sweep import RunOptions, run_sweep
from sweeps.ledger.lock import alone
from sweeps.monitor.requests import control_folder
from sweeps.monitor.status import show_status
from sweeps.plan.manifest import manifest_path
from sweeps.plan.plan import Plan, make_plan
from sweeps.study.load import load

OPTIONS = RunOptions(workers=3)


def smoke(store: Path) -> Plan:
    return make_plan(load(CONF_ROOT / "study", "clip_ablation"), "smoke", store)


def run(plan: Plan, starts: Path, options: RunOptions = OPTIONS, **behaviors: str) -> tuple[int, str]:
    console = Console(width=200, force_terminal=False)
    with console.capture() as printed:
        status = run_sweep(plan, options, console, stub(starts, behaviors))
    return status, printed.get()


def test_a_finished_study_runs_nothing_the_second_time(tmp_path: Path) -> None:
    plan, starts = smoke(tmp_path), tmp_path / "starts"
    assert run(plan, starts)[0] == 0
    assert len(started(starts)) == 3
    status, text = run(plan, starts)
    assert (status, len(started(starts))) == (0, 3)
    assert "3 of 3 trials done" in text
    assert sorted(path.name for path in (tmp_path / "studies").glob("*.json")) == ["clip_ablation.smoke.json"]


def test_a_failed_trial_is_named_and_makes_the_exit_status_one_until_a_retry(tmp_path: Path) -> None:
    plan, starts = smoke(tmp_path), tmp_path / "starts"
    status, text = run(plan, starts, grpo="raise")
    assert status == 1
    assert "grpo seed 0: error, exited with status 1: ZeroDivisionError: stub" in text
    assert run(plan, starts)[0] == 1
    assert run(plan, starts, RunOptions(workers=3, retry_failed=True))[0] == 0
    assert len(started(starts)) == 4


def test_a_diverged_trial_is_no_failure_and_is_not_run_again(tmp_path: Path) -> None:
    plan, starts = smoke(tmp_path), tmp_path / "starts"
    status, text = run(plan, starts, grpo="diverge")
    assert (status, "2 of 3 trials done, 1 diverged, 0 failed" in text) == (0, True)
    failed = next(trial.folder for trial in plan.trials() if trial.arm == "grpo") / "FAILED.json"
    assert json.loads(failed.read_text())["logs"] == {"eval.jsonl": {}}  # the run's record of its logs stays
    assert run(plan, starts, RunOptions(workers=3, retry_failed=True))[0] == 0
    assert len(started(starts)) == 3
    console = Console(width=200)
    with console.capture() as printed:
        show_status(plan, console)
    assert "grpo seed 0 diverged: loss is not finite" in printed.get()


def test_a_second_controller_of_a_study_is_refused_in_one_sentence_that_says_how_to_join(
    tmp_path: Path,
) -> None:
    plan = smoke(tmp_path)
    with alone(control_folder(plan), "sweep of it"):
        said = f"another sweep of clip_ablation .smoke. .* process {os.getpid()} .* `sweeps work clip_ablation --preset smoke`"
        with pytest.raises(UserError, match=said):
            run(plan, tmp_path / "starts")
        assert not manifest_path(plan).exists()  # nor does it change the manifest
    assert run(plan, tmp_path / "starts")[0] == 0


def test_a_store_that_cannot_be_written_is_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write to the store"):
        run(smoke(tmp_path / "file"), tmp_path / "starts")
    assert started(tmp_path / "starts") == []


def test_status_shows_the_failed_trials_log_and_warns_of_mixed_code(tmp_path: Path) -> None:
    plan, starts = smoke(tmp_path), tmp_path / "starts"
    run(plan, starts, grpo="raise")
    for trial in plan.trials():
        environment = {"code_sha256": "123" if trial.arm == "base" else "456"}
        (trial.folder / "env.json").write_text(json.dumps(environment))
    console = Console(width=200)
    with console.capture() as printed:
        assert show_status(plan, console) == 0
    text = printed.get()
    assert "0 (error)" in text
    assert "| ZeroDivisionError: stub" in text
    assert "1 runs from code 123, 1 runs from code 456" in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("run clip_ablatoin", "unknown study 'clip_ablatoin': did you mean 'clip_ablation'?"),
        ("run clip_ablation --preset papr", "unknown preset of clip_ablation 'papr': did you mean 'paper'?"),
        ("rnu clip_ablation", "unknown command 'rnu': did you mean 'run'?"),
        ("run clip_ablation --worker 2", "unknown option of run '--worker': did you mean '--workers'?"),
        ("run clip_ablation --workers abc", "--workers (make: WORKERS) must be a whole number"),
        ("plan clip_ablation --workers 0", "--workers (make: WORKERS) must be a whole number"),
        ("run clip_ablation --timeout soon", "--timeout must be a positive number of seconds, got 'soon'"),
        ("status clip_ablation smoke", "'smoke' is one word too many"),
        ("status", "the following arguments are required: NAME"),
    ],
)
def test_a_mistyped_word_is_one_sentence_with_the_nearest_name(
    words: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["sweeps", *words.split()])
    assert one_sentence(main) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"error: {said}")
    assert printed.err.count("\n") == 1


def test_sweeps_never_imports_torch_and_scipy_only_to_plan() -> None:
    script = (
        "import sys, sweeps.__main__, sweeps.workers.pool; first = 'scipy' in sys.modules; import sweeps.monitor.plan_view; "
        "print(first, 'torch' in sys.modules)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=CONF_ROOT.parent
    )
    assert ended.stdout == "False False\n"
