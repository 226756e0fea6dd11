"""`sweeps replay` with stubs for the trainer and the replay: the runs that it reads, and when it repeats its work."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from test_pool import ROOT, started, stub

from sspo.config.places import CONF_ROOT
from sspo.errors import UserError
from sspo.runs import revision
from sweeps.control.sweep import RunOptions
from sweeps.ledger.leases import holder
from sweeps.plan.plan import Plan, Trial, make_plan
from sweeps.replay.replay import replay_folder, run_replay
from sweeps.study.checks import check
from sweeps.study.load import load
from sweeps.workers.worker import Command

REPLAYER = Path(__file__).parent / "stub_replayer.py"
RECORD = {"grpo": "record", "sspo": "record"}


def smoke(store: Path, **changes: Any) -> Plan:
    """The preset records grpo and sspo under seed 0."""
    study = load(CONF_ROOT / "study", "clip_ablation")
    head = replace(study.head, replay=replace(study.head.replay, **changes))
    return make_plan(replace(study, head=head), "smoke", store)


def run(
    plan: Plan, *, train: Command | None = None, behavior: str = "finish", retry_failed: bool = False
) -> tuple[int, str]:
    options = RunOptions(workers=2, retry_failed=retry_failed)
    console = Console(width=200, force_terminal=False)
    replayer = (sys.executable, "-S", str(REPLAYER), behavior, str(plan.store / "calls"))
    with console.capture() as printed:
        status = run_replay(plan, options, console, train or training(plan.store, **RECORD), replayer)
    return status, printed.get()


def training(store: Path, **behaviors: str) -> Command:
    store.mkdir(exist_ok=True)
    return stub(store / "starts", behaviors)


def calls(store: Path) -> list[dict[str, Any]]:
    path = store / "calls"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


def finish(trial: Trial, *, recorded: bool) -> Path:
    """Mark the trial as run. Returns the path of its recording, whether or not it exists."""
    recording = trial.folder / "recording" / "rollout000001.parquet"
    recording.parent.mkdir(parents=True)
    if recorded:
        recording.write_text("recorded")
    (trial.folder / "DONE.json").write_text("{}")
    return recording


def test_what_is_not_recorded_is_trained_and_all_of_it_is_replayed_without_a_manifest(
    tmp_path: Path,
) -> None:
    plan = smoke(tmp_path)
    assert run(plan)[0] == 0
    folders = [trial.folder for trial in plan.recorded_trials()]
    assert started(tmp_path / "starts") == sorted(f"{path.parent.name}/seed0" for path in folders)
    assert calls(tmp_path) == [
        {
            "arguments": [
                *map(str, folders),
                *("objective=sspo", "objective.bounds.adapt=none", "objective.bounds.alpha=0"),
                *("segmentation=token,subsentence,sentence,response,random", "clip=1e-4:1:log40"),
                *("--targets", "0.01,0.05,0.2", "--grad-noise"),
                *("--out", str(tmp_path / "replays" / "clip_ablation.smoke")),
            ],
        }
    ]
    assert not (tmp_path / "studies").exists()
    assert holder(tmp_path / "replays" / "clip_ablation.smoke.lock") is None


def test_a_run_that_ended_without_a_recording_has_a_stand_in_that_is_trained_once(tmp_path: Path) -> None:
    plan = smoke(tmp_path)
    grpo, sspo = plan.recorded_trials()
    finish(grpo, recorded=False)
    finish(sspo, recorded=True)
    stand_in = tmp_path / "recorded" / "cells" / grpo.cell / "seed0"
    status, text = run(plan)
    said = f"ended without a recording: grpo seed 0; the same cell and seed is recorded in {tmp_path / 'recorded'}"
    assert (status, text.count(said)) == (0, 1)
    assert started(tmp_path / "starts") == [f"{grpo.cell}/seed0"]
    assert calls(tmp_path)[0]["arguments"][:2] == [str(stand_in), str(sspo.folder)]
    status, text = run(plan)
    assert (status, said in text, len(started(tmp_path / "starts"))) == (0, True, 1)


def test_a_stand_in_trains_the_same_trial_into_a_store_of_its_own(tmp_path: Path) -> None:
    plan, trained = smoke(tmp_path), []

    def note(trial: Trial) -> list[str]:
        trained.append((trial.arm, trial.store, trial.overrides))
        return list(training(tmp_path, grpo="record")(trial))

    grpo, sspo = plan.recorded_trials()
    finish(grpo, recorded=False)
    finish(sspo, recorded=True)
    run(plan, train=note)
    assert trained == [("grpo", tmp_path / "recorded", grpo.overrides)]
    assert "trainer.record=2" in grpo.overrides


def test_a_trial_that_another_sweep_ends_without_a_recording_gets_its_stand_in_in_the_same_call(
    tmp_path: Path,
) -> None:
    plain, recording = training(tmp_path), training(tmp_path, **RECORD)
    status, _ = run(
        smoke(tmp_path),
        train=lambda trial: (plain if trial.store == tmp_path else recording)(trial),
    )
    assert status == 0
    assert [Path(word).parents[2].name for word in calls(tmp_path)[0]["arguments"][:2]] == ["recorded"] * 2


def test_rules_of_one_name_are_replayed_beside_each_other(tmp_path: Path) -> None:
    rules = ("fixed", "fixed_matched", "random", "random_sentence")
    plan = smoke(tmp_path, rules=rules, law=True)
    check(plan.study)
    assert run(plan)[0] == 0
    arguments = calls(tmp_path)[0]["arguments"]
    assert f"segmentation={','.join(rules)}" in arguments
    assert "--law" in arguments


def touch(plan: Plan) -> Plan:
    recording = plan.recorded_trials()[0].folder / "recording" / "rollout000001.parquet"
    recording.write_text("recorded anew")
    return plan


def lose(plan: Plan) -> Plan:
    (replay_folder(plan) / "replay.json").unlink()
    return plan


def forget_the_code(plan: Plan) -> Plan:
    """Return a stamp older than the code hash."""
    stamp = replay_folder(plan) / "made_from.json"
    stamp.write_text(
        json.dumps({k: v for k, v in json.loads(stamp.read_text()).items() if k != "code_sha256"})
    )
    return plan


@pytest.mark.parametrize(
    ("change", "replays"),
    [
        (lambda plan: plan, 1),
        (lambda plan: smoke(plan.store, rules=("token",)), 2),
        (touch, 2),
        (lose, 2),
        (forget_the_code, 2),
    ],
)
def test_a_replay_is_made_again_only_where_the_study_or_a_recording_has_changed(
    change: Callable[[Plan], Plan], replays: int, tmp_path: Path
) -> None:
    plan = smoke(tmp_path)
    run(plan)
    status, text = run(change(plan))
    assert (status, len(calls(tmp_path))) == (0, replays)
    assert (f"up to date: {replay_folder(plan)}" in text) is (replays == 1)


def test_a_replay_that_other_code_made_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan, root = smoke(tmp_path / "store"), tmp_path / "checkout"
    (root / "sspo").mkdir(parents=True)
    monkeypatch.setattr(revision, "ROOT", root)
    for text, replays in (("clip = 1", 1), ("clip = 1", 1), ("clip = 2", 2)):
        (root / "sspo" / "tally.py").write_text(text)
        assert run(plan)[0] == 0
        assert len(calls(plan.store)) == replays


@pytest.mark.parametrize(
    ("behavior", "status", "said"),
    [("refuse", 2, ""), ("sigkill", 1, "the replay was killed by SIGKILL")],
)
def test_a_replay_that_fails_passes_its_status_on_and_is_not_taken_for_a_finished_one(
    behavior: str, status: int, said: str, tmp_path: Path
) -> None:
    plan = smoke(tmp_path)
    run(plan)
    touch(plan)
    got, text = run(plan, behavior=behavior)
    assert (got, said in text) == (status, True)
    assert run(plan)[0] == 0
    assert len(calls(tmp_path)) == 3


def test_a_failed_trial_is_named_and_nothing_is_replayed_until_a_retry(tmp_path: Path) -> None:
    plan = smoke(tmp_path)
    status, text = run(plan, train=training(tmp_path, grpo="raise", sspo="record"))
    assert (status, calls(tmp_path)) == (1, [])
    assert "grpo seed 0: error, exited with status 1: ZeroDivisionError: stub" in text
    assert run(plan)[0] == 1
    assert run(plan, retry_failed=True)[0] == 0


def test_a_run_that_diverged_before_its_first_recording_is_left_out_by_name(tmp_path: Path) -> None:
    plan = smoke(tmp_path)
    status, text = run(plan, train=training(tmp_path, grpo="diverge", sspo="record"))
    assert (status, "left out: grpo seed 0 ended without any recorded rollout" in text) == (0, True)
    assert calls(tmp_path)[0]["arguments"][:2] == [str(plan.recorded_trials()[1].folder), "objective=sspo"]


def test_with_nothing_recorded_there_is_nothing_to_replay(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is nothing to replay"):
        run(smoke(tmp_path), train=training(tmp_path, grpo="diverge", sspo="diverge"))


def test_runs_that_are_too_short_to_record_anything_are_refused_before_they_train(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"arm 'grpo': a run of 3 rollouts .* replay\.every is 4"):
        run(smoke(tmp_path, every=4))
    assert started(tmp_path / "starts") == []


def test_an_interrupt_of_the_replay_is_one_sentence_and_leaves_it_to_be_made(tmp_path: Path) -> None:
    for trial in smoke(tmp_path).recorded_trials():
        finish(trial, recorded=True)
    script = f"""
        import sys
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from pathlib import Path
        from rich.console import Console
        from test_recorded_runs import REPLAYER, RunOptions, run_replay, smoke
        store = Path({str(tmp_path)!r})
        replayer = (sys.executable, "-S", str(REPLAYER), "hang", str(store / "calls"))
        sys.exit(run_replay(smoke(store), RunOptions(), Console(width=200), replayer=replayer))
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as controller:
        limit = time.monotonic() + 30
        while not calls(tmp_path) and time.monotonic() < limit:
            time.sleep(0.05)
        controller.send_signal(signal.SIGTERM)  # as SIGINT, which a shell's background jobs ignore
        printed, _ = controller.communicate(timeout=15)
    assert controller.returncode == 130
    assert printed.splitlines()[-1] == "interrupted: run the same command again to continue"
    assert "Traceback" not in printed
    assert run(smoke(tmp_path))[0] == 0
    assert len(calls(tmp_path)) == 2
