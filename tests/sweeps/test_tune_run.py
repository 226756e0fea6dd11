"""Tuning through the real worker pool, with a stub trainer in real subprocesses: kills, a lost journal, failures, budgets, rounds."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
from rich.console import Console
from tuned_study import make, plan_of, record_of, run, starts_of

from sspo.errors import UserError
from sweeps.control.register import register
from sweeps.control.steer import steer
from sweeps.control.sweep import RunOptions, run_work
from sweeps.engines.registry import ENGINES
from sweeps.ledger.state import standing
from sweeps.monitor.requests import PAUSE, RUN, STOP, write_request
from sweeps.monitor.show import show_arm
from sweeps.monitor.status import show_status, watch_status
from sweeps.plan.plan import make_plan
from sweeps.plan.registered import registered_line
from sweeps.search.storage import open_storage

ROOT = Path(__file__).parents[2]
ARMS = ("tokens", "sentences")


def states(store: Path) -> dict[str, Counter[str]]:
    arms = record_of(store)["arms"]
    return {name: Counter(trial["state"] for trial in arm["trials"]) for name, arm in arms.items()}


def points(store: Path) -> dict[str, list[Any]]:
    arms = record_of(store)["arms"]
    return {name: [(one["number"], one["point"]) for one in arm["trials"]] for name, arm in arms.items()}


def chosen(store: Path) -> dict[str, Any]:
    return {name: arm["chosen"] for name, arm in record_of(store)["arms"].items()}


def said(act: Callable[..., object], *arguments: Any) -> str:
    console = Console(width=300, force_terminal=False)
    with console.capture() as printed:
        act(*arguments, console)
    return printed.get()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the store of a study that was tuned and confirmed without interruption."""
    store = tmp_path_factory.mktemp("undisturbed") / "runs"
    assert run(make(), store)[0] == 0
    return store


def test_every_arm_is_tuned_at_the_same_points_and_confirmed_at_its_own_choice(undisturbed: Path) -> None:
    store = undisturbed
    assert states(store) == {key: Counter(complete=4) for key in ARMS}
    tokens, sentences = points(store).values()
    assert tokens == sentences
    plan = make_plan(make(), "default", store)
    for arm in plan.arms:
        best = chosen(store)[arm.name]
        assert best["point"]["objective.clip.high"] == pytest.approx(0.03, rel=0.3)
        assert set(best["overrides"]) < set(arm.overrides)
        assert best["edges"] == []
    everyone = [*plan.trials(), *plan.pilot_trials()]
    assert len(everyone) == 2 * 4 * 2 + 2 * 2
    assert all(standing(trial.folder).state == "done" for trial in everyone)
    carried = json.loads((plan.pilot_trials()[0].folder / "planned.json").read_text())
    assert (carried["study"], carried["arm"], carried["seed"]) == ("probe", "tokens.pilot0", 900)
    assert sorted(path.name for path in (store / "cells").iterdir()) == sorted({t.cell for t in everyone})
    assert sorted(starts_of(store)) == sorted(f"{t.cell}/seed{t.seed}" for t in everyone)
    assert "4 of 4 trials done" in run(make(), store)[1]
    assert len(starts_of(store)) == len(everyone)


def test_its_history_opens_in_optuna_and_its_status_names_the_points(undisturbed: Path) -> None:
    storage = open_storage(undisturbed / "tunings" / "probe.journal")
    assert sorted(optuna.get_all_study_names(storage)) == ["probe.sentences", "probe.tokens"]
    study = optuna.load_study(storage=storage, study_name="probe.tokens")
    assert study.metric_names == ["accuracy (sampled, T = 1)"]
    assert study.user_attrs["chosen"] == chosen(undisturbed)["tokens"]["point"]
    assert study.user_attrs["edges"] == []
    text = said(show_status, plan_of(make(), undisturbed))
    assert text.startswith("chosen points of probe (default)")
    assert "objective.clip.high=0.03" in text
    assert "4 done, 0 running" in text
    manifest = json.loads((undisturbed / "studies" / "probe.json").read_text())["tuning"]
    assert manifest["settled"]
    assert [arm["name"] for arm in manifest["pilots"]] == [
        f"{arm}.pilot{n}" for arm in ARMS for n in range(4)
    ]


STAGES = {
    "amid tuning": ("", 5, 60),
    "between the last trial and the choice": ("chosen_points", 16, 0),
    "between the choice and its record": ("note_choice", 16, 0),
    "amid the confirmation": ("", 17, 60),
}
"""The function at whose call the controller kills itself; else the starts after which it is killed, and the seconds of a run by then."""
FIRST = next(iter(STAGES))


@pytest.mark.parametrize(
    "stage", [pytest.param(stage, marks=[] if stage == FIRST else pytest.mark.acceptance) for stage in STAGES]
)
def test_a_controller_that_is_killed_continues_with_the_same_points_and_repeats_nothing(
    stage: str, tmp_path: Path, undisturbed: Path
) -> None:
    store = tmp_path / "runs"
    own_end, begun, seconds = STAGES[stage]
    late = {name: seconds for name in ("tokens.pilot1", "sentences.pilot1", "tokens", "sentences")}
    if stage == "amid the confirmation":
        late = {"tokens": seconds, "sentences": seconds}
    script = f"""
        import os, signal, sys
        sys.path[:0] = [{str(Path(__file__).parent)!r}]
        from pathlib import Path
        import sweeps.tune.run
        from tuned_study import make, run
        def end(*_):
            os.kill(os.getpid(), signal.SIGKILL)
        if {own_end!r}:
            setattr(sweeps.tune.run, {own_end!r}, end)
        run(make(), Path({str(store)!r}), seconds={late!r})
    """
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], cwd=ROOT) as controller:
        if not own_end:
            _wait_for(lambda: len(starts_of(store)) >= begun or controller.poll() is not None)
            controller.send_signal(signal.SIGKILL)
    assert controller.returncode == -signal.SIGKILL
    done = {f"{path.parent.parent.name}/{path.parent.name}" for path in store.glob("cells/*/*/DONE.json")}
    before = Counter(starts_of(store))
    assert len(before) >= begun
    assert run(make(), store)[0] == 0
    after = Counter(starts_of(store))
    assert len(done) >= min(begun - 2, 4)
    assert all(after[name] == 1 for name in done)
    assert after.total() - len(after) <= 2, "only what was running is started again"
    assert points(store) == points(undisturbed)
    assert chosen(store) == chosen(undisturbed)
    assert states(store) == states(undisturbed)


def test_a_lost_history_is_rebuilt_from_the_record_and_its_sequence_goes_on(
    tmp_path: Path, undisturbed: Path
) -> None:
    store = tmp_path / "runs"
    shutil.copytree(undisturbed, store)
    shutil.rmtree(store / "studies")
    (store / "tunings" / "probe.journal").unlink()
    record = record_of(store)
    for arm, kept in (("tokens", 3), ("sentences", 2)):
        del record["arms"][arm]["trials"][kept:]
        record["arms"][arm]["chosen"] = None
    record["arms"]["tokens"]["trials"][1]["state"] = "pruned"
    record["arms"]["tokens"]["trials"][2]["state"] = "open"
    record["arms"]["tokens"]["trials"][0]["core_hours"] = 5.0
    (store / "tunings" / "probe.json").write_text(json.dumps(record))
    assert run(make(), store)[0] == 0
    assert points(store) == points(undisturbed)
    assert states(store) == {"tokens": Counter(complete=3, pruned=1), "sentences": Counter(complete=4)}
    assert record_of(store)["arms"]["tokens"]["trials"][0]["core_hours"] == 5.0
    assert not [name for name in starts_of(store) if "seed9" in name], "their runs were all there"


def test_a_failed_trial_is_tried_again_and_an_arm_without_a_score_is_named(tmp_path: Path) -> None:
    study, store = make(budget={"trials": 2}), tmp_path / "runs"
    broken = {f"tokens.pilot{number}": "raise" for number in range(2)} | {"sentences.pilot0": "raise"}
    with pytest.raises(UserError, match=r"the tuning of arm 'tokens' .* ZeroDivisionError.* --retry-failed"):
        run(study, store, endings=broken, workers=1)
    assert states(store) == {"tokens": Counter(failed=2), "sentences": Counter(failed=1, complete=1)}
    starts = len(starts_of(store))
    with pytest.raises(UserError, match="the tuning of arm 'tokens'"):
        run(study, store)
    assert len(starts_of(store)) == starts
    status, text = run(study, store, retry_failed=True)
    assert (status, states(store)) == (0, {key: Counter(complete=2) for key in ARMS})
    assert "scored  tokens trial 1: " in text


def test_hours_are_spent_up_to_the_budget_and_never_over_it_but_for_two_trials(tmp_path: Path) -> None:
    trial = 2 * 2.0 / 3600  # two seeds of two seconds on one thread
    study, store = make(budget={"core_hours": 3.5 * trial}), tmp_path / "runs"
    assert run(study, store)[0] == 0
    assert states(store) == {key: Counter(complete=3) for key in ARMS}
    assert [t["core_hours"] for t in record_of(store)["arms"]["tokens"]["trials"]] == [
        pytest.approx(trial)
    ] * 3
    tiny = make(budget={"core_hours": trial / 100})
    assert run(tiny, tmp_path / "tiny")[0] == 0
    assert states(tmp_path / "tiny") == {key: Counter(complete=2) for key in ARMS}, "a fit requires two"


@pytest.mark.acceptance
def test_a_pruned_trial_counts_and_its_runs_stop(tmp_path: Path) -> None:
    study = make(
        pruner={"name": "median", "startup": 1, "warmup": 5},
        budget={"trials": 2},
        start_at_default=True,
        space={
            "objective.clip.high": {"low": 0.0001, "high": 0.2, "log": True, "also": ["objective.clip.low"]}
        },
    )
    store = tmp_path / "runs"
    status, text = run(study, store, seconds={f"{arm}.pilot1": 20.0 for arm in ARMS})
    assert status == 0
    assert states(store) == {key: Counter(complete=1, pruned=1) for key in ARMS}
    assert "pruned  tokens trial 1 after 5 rollouts" in text


@pytest.mark.acceptance
def test_an_engine_without_a_stream_gets_rounds(tmp_path: Path, undisturbed: Path, monkeypatch: Any) -> None:
    monkeypatch.setitem(ENGINES, "elsewhere", ENGINES["local"])
    store = tmp_path / "runs"
    status, text = run(make(), store, engine="elsewhere", endings={})
    assert status == 0
    assert "tuning: 0 of 8 trials settled; a round of 8 trials, 16 runs" in text
    assert points(store) == points(undisturbed)
    assert chosen(store) == chosen(undisturbed)
    learning = make(sampler={"name": "tpe"}, budget={"trials": 2})
    text = run(learning, tmp_path / "learning", engine="elsewhere")[1]
    assert "tuning: 2 of 4 trials settled; a round of 2 trials, 4 runs" in text
    pruned = make(pruner={"name": "median"})
    with pytest.raises(UserError, match=r"tune.pruner median .* engine elsewhere"):
        run(pruned, tmp_path / "pruned", engine="elsewhere")
    with pytest.raises(UserError, match="the trials of arm 'tokens' take no device hours"):
        run(make(budget={"device_hours": 1}), tmp_path / "free", engine="elsewhere")


@pytest.mark.acceptance
def test_pause_resume_and_stop_reach_a_tuning(tmp_path: Path) -> None:
    study, store = make(), tmp_path / "runs"
    heard: list[str] = []

    def steered() -> None:
        _wait_for(lambda: len(starts_of(store)) >= 2)
        heard.append(said(steer, plan_of(study, store), PAUSE))
        time.sleep(4)
        heard.append(str(len(starts_of(store))))
        heard.append(said(show_status, plan_of(study, store)))
        write_request(plan_of(study, store), RUN)
        _wait_for(lambda: len(starts_of(store)) >= 6)
        write_request(plan_of(study, store), STOP)

    thread = threading.Thread(target=steered)
    thread.start()
    status, text = run(study, store, seconds=1.0)
    thread.join()
    assert status == 130
    assert heard[0].startswith("paused: running trials finish")
    assert int(heard[1]) <= 4
    assert "tuning of probe (default)" in heard[2]
    assert "pause was requested" in heard[2]
    assert "interrupted: run the same command again to continue" in text
    with pytest.raises(UserError, match=r"not tuned yet.*others can join with `sweeps work` once"):
        run_work(make_plan(study, "default", store), RunOptions(), Console())
    assert run(study, store)[0] == 0
    assert states(store) == {key: Counter(complete=4) for key in ARMS}


def test_what_a_tuning_cannot_do_is_refused_in_one_sentence(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setitem(ENGINES, "detached", replace(ENGINES["local"], outlives=True))
    store = tmp_path / "runs"
    with pytest.raises(UserError, match=r"--detach: probe \(default\) is not tuned yet"):
        run(make(), store, engine="detached", detach=True)
    with pytest.raises(
        UserError, match="budget of probe is in device_hours, and this machine has no CUDA device"
    ):
        run(make(budget={"device_hours": 1}), store)
    assert not store.exists()


def test_a_record_of_another_space_is_refused(tmp_path: Path, undisturbed: Path) -> None:
    with pytest.raises(UserError, match="was tuned under another space"):
        run(make(budget={"trials": 5}), undisturbed)


def test_a_record_that_lacks_an_arm_or_has_another_is_damaged(tmp_path: Path, undisturbed: Path) -> None:
    good = record_of(undisturbed)
    for arms in ({"tokens": good["arms"]["tokens"]}, {**good["arms"], "other": good["arms"]["tokens"]}):
        store = tmp_path / str(len(arms)) / "runs"
        (store / "tunings").mkdir(parents=True)
        (store / "tunings" / "probe.json").write_text(json.dumps({**good, "arms": arms}))
        with pytest.raises(UserError, match=r"probe\.json is damaged \(it has the arms tokens"):
            plan_of(make(), store)


def test_points_chosen_on_another_configuration_are_refused(tmp_path: Path, undisturbed: Path) -> None:
    record, store = record_of(undisturbed), tmp_path / "runs"
    record["arms"]["tokens"]["trials"][0]["cell"] = "0123456789ab"  # as if a file of conf/ had changed
    (store / "tunings").mkdir(parents=True)
    (store / "tunings" / "probe.json").write_text(json.dumps(record))
    with pytest.raises(UserError, match=r"tuned under another configuration: 1 of its 8 trials"):
        run(make(), store)


def test_a_registration_binds_how_points_are_chosen_and_every_run_carries_it(
    tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    study, store = make(budget={"trials": 2}), tmp_path / "runs"
    assert "registered probe (default)" in said(register, plan_of(study, store), tmp_path / "reports")
    assert run(study, store)[0] == 0
    plan = plan_of(study, store)
    digest = json.loads((tmp_path / "registrations" / "probe.json").read_text())["digest"]
    for trial in (*plan.pilot_trials(), *plan.trials()):
        carried = json.loads((trial.folder / "planned.json").read_text())
        assert (carried["registration"], carried["arm"]) == (digest, trial.arm)
    assert "not as registered" not in registered_line(plan)
    with pytest.raises(UserError, match="differs from its registration: tuning"):
        run(make(budget={"trials": 3}), tmp_path / "other")


def test_an_arm_with_nothing_to_tune_has_one_trial_and_keeps_its_default(tmp_path: Path) -> None:
    space = {"objective.clip.high": {"low": 0.01, "high": 0.1, "log": True, "arms": ["tokens"]}}
    study, store = make(space=space, budget={"core_hours": 0.003}, confirm_default=True), tmp_path / "runs"
    assert run(study, store)[0] == 0
    assert states(store) == {"tokens": Counter(complete=2), "sentences": Counter(complete=1)}
    assert chosen(store)["sentences"]["point"] == {}
    plan = plan_of(study, store)
    assert len(plan.trials()) == 6, "the default of the second is its choice"
    text = said(show_status, plan)
    assert "its default" in text
    assert "tokens.default" in text


def test_trials_of_code_with_other_numbers_are_refused_until_they_are_put_away(tmp_path: Path) -> None:
    study, store = make(budget={"trials": 2}), tmp_path / "runs"
    with pytest.raises(UserError, match="the tuning of arm 'tokens'"):
        run(study, store, endings={f"tokens.pilot{number}": "raise" for number in range(2)})
    record = record_of(store)
    record["arms"]["sentences"]["trials"][0]["level"] = "code-0123456789ab"
    (store / "tunings" / "probe.json").write_text(json.dumps(record))
    with pytest.raises(
        UserError, match=r"trials of code with other numbers \(1 of .*delete .*probe.json and "
    ):
        run(study, store)


def test_a_live_status_follows_a_tuning_into_the_confirmation(tmp_path: Path, undisturbed: Path) -> None:
    done = plan_of(make(), undisturbed)
    text = said(lambda console: watch_status(plan_of(make(), tmp_path / "runs"), console, lambda: done))
    assert text.startswith("tuning: 0 complete, 0 pruned, 0 failed, 0 open\n4 done, 0 running")


def _wait_for(condition: Callable[[], object]) -> None:
    limit = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < limit, "waited for two minutes"
        time.sleep(0.05)


def test_a_point_whose_words_were_edited_is_refused(undisturbed: Path, tmp_path: Path) -> None:
    store = tmp_path / "runs"
    shutil.copytree(undisturbed, store)
    record = record_of(store)
    record["arms"]["tokens"]["chosen"]["overrides"] = ["objective.clip.high=0.099"]
    (store / "tunings" / "probe.json").write_text(json.dumps(record))
    with pytest.raises(
        UserError, match=r"probe.json was edited: arm 'tokens' would run with objective.clip.high=0.099"
    ):
        run(make(), store)


def test_show_prints_the_command_of_a_pilot_and_none_of_an_arm_without_a_point(
    undisturbed: Path, tmp_path: Path
) -> None:
    pilot = record_of(undisturbed)["arms"]["tokens"]["trials"][1]
    plan = make_plan(make(), "default", undisturbed)
    assert pilot["cell"] in said(lambda console: show_arm(plan, "tokens.pilot1", console))
    untuned = make_plan(make(), "default", tmp_path / "none", untuned=True)
    with pytest.raises(UserError, match=r"arm 'tokens' of probe \(default\) has no point yet"):
        show_arm(untuned, "tokens", Console())
