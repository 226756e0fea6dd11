"""Searches through the real worker pool, with a stub trainer in real subprocesses: kills, pruning, retries, two at once."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from searches import START, driver_of, make, settle, stub, study_of, train

from sspo.config.yaml_file import read_yaml
from sspo.errors import UserError
from sweeps.control.sweep import RunOptions
from sweeps.ledger.leases import holder
from sweeps.ledger.lock import alone
from sweeps.ledger.score import curve
from sweeps.ledger.state import attempts_folder, standing
from sweeps.plan.plan import make_plan
from sweeps.search.driver import ends_of
from sweeps.search.run import SearchOptions, run_search, show_search_status
from sweeps.search.spec import Search
from sweeps.study.load import parse as parse_study

ROOT = Path(__file__).parents[2]
SHORT: Mapping[str, Any] = {"presets__default__trials": 4, "sampler__startup": 2}


def run(
    search: Search,
    store: Path,
    *,
    seconds: float = 0.0,
    workers: int = 2,
    endings: Mapping[str, str] | None = None,
    trials: int | None = None,
) -> tuple[int, str]:
    printed = io.StringIO()
    console = Console(width=300, file=printed)
    options = SearchOptions(runs=RunOptions(workers=workers, timeout=120), trials=trials)
    command = stub(store.parent / "starts", seconds, endings)
    return run_search(search, "default", store, options, console, command), printed.getvalue()


def starts(store: Path) -> list[str]:
    path = store.parent / "starts"
    return sorted(path.read_text().split()) if path.is_file() else []


def trials_of(search: Search, store: Path) -> list[Any]:
    return study_of(search, store / "searches" / "probe.journal").trials


def test_a_search_ends_with_its_best_and_with_a_study_that_confirms_it_and_runs_nothing_again(
    tmp_path: Path,
) -> None:
    search, store = make(**SHORT), tmp_path / "runs"
    status, text = run(search, store)
    trials = trials_of(search, store)
    assert status == 0
    assert [trial.state.name for trial in trials] == ["COMPLETE"] * 4
    best = max(trials, key=lambda trial: trial.value)
    assert f"best: trial {best.number}, {best.value:.4f}" in text
    assert "biased upward; never report it" in text
    assert len(starts(store)) == len(set(starts(store))) == 8
    confirm = store / "searches" / "probe.confirm.yaml"
    plan = make_plan(parse_study("probe_confirm", read_yaml(confirm)), "paper", store)
    assert [arm.cell for arm in plan.arms] == [trials[0].user_attrs["cell"], best.user_attrs["cell"]]
    assert max(plan.arms[0].seeds) < 900
    before = confirm.stat().st_mtime_ns
    assert run(search, store)[0] == 0
    assert (len(starts(store)), confirm.stat().st_mtime_ns) == (8, before)
    status, text = run(search, store, trials=5)
    assert (status, len(trials_of(search, store))) == (0, 5)
    assert "mix states of the code" not in text
    (store / "cells" / best.user_attrs["cell"] / "seed900" / "env.json").write_text(
        '{"code_sha256": "other"}'
    )
    assert (
        "warning: finished runs mix versions of the code: 9 runs from code unknown, 1"
        in run(search, store, trials=5)[1]
    )
    console = Console(width=300)
    with console.capture() as printed:
        show_search_status(search, "default", store, None, console)
    assert printed.get().startswith("search probe: 5 scored, 0 pruned, 0 failed, 0 open; best 0.")


@pytest.mark.acceptance
def test_a_controller_that_is_killed_again_and_again_loses_and_repeats_nothing(tmp_path: Path) -> None:
    search, store = make(**SHORT), tmp_path / "runs"
    script = f"""
        import sys
        sys.path[:0] = [{str(Path(__file__).parent)!r}]
        from pathlib import Path
        from test_search_run import SHORT, make, run
        sys.exit(run(make(**SHORT), Path({str(store)!r}), seconds=60, workers=2)[0])
    """
    journal = store / "searches" / "probe.journal"
    for kills in range(2):
        with subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], cwd=ROOT) as controller:
            _wait_for(lambda kills=kills: len(starts(store)) > 2 * kills or controller.poll() is not None)
            controller.send_signal(signal.SIGKILL)
    assert journal.is_file()
    assert (
        run(search, store, workers=1)[0] == 0
    )  # one at a time: otherwise the next suggestion depends on which run ends first
    trials = trials_of(search, store)
    assert [trial.state.name for trial in trials] == ["COMPLETE"] * 4
    folders = list((store / "cells").glob("*/seed*"))
    assert sorted({f"{path.parent.name}/{path.name}" for path in folders}) == sorted(set(starts(store)))
    assert len(folders) == 8
    assert all(standing(folder).state == "done" for folder in folders)
    undisturbed = driver_of(search, tmp_path / "undisturbed")
    settle(undisturbed)
    assert [trial.params for trial in undisturbed.study.trials] == [trial.params for trial in trials]


@pytest.mark.acceptance
def test_a_pruned_trial_stops_within_a_report_and_its_runs_can_go_on(tmp_path: Path) -> None:
    far = {"objective.clip.high": 0.005, "objective.bounds.alpha": -0.6, "segmentation": "token"}
    points = [dict(START, segmentation="subsentence"), dict(START, segmentation="sentence"), far]
    pruner = {"name": "median", "startup": 2, "warmup": 5}
    search, store = make(points=points, pruner=pruner, presets__default__trials=3), tmp_path / "runs"
    settle_points = driver_of(search, store, trials=2)
    for _ in range(2):
        opened = settle_points.ask()
        assert opened is not None
        train(opened)
        settle_points.conclude(opened, ends_of(opened))
    (store / "searches").mkdir()
    (store / "probe.journal").rename(store / "searches" / "probe.journal")
    status, text = run(search, store, seconds=40)  # one report every 10 s
    third = trials_of(search, store)[2]
    assert (status, third.state.name) == (0, "PRUNED")
    assert "pruned  trial 2 after 5 rollouts" in text
    assert sorted(third.intermediate_values) == [0, 5]
    folders = [store / "cells" / third.user_attrs["cell"] / f"seed{seed}" for seed in (900, 901)]
    assert [standing(folder).state for folder in folders] == ["pending", "pending"]
    assert not [folder for folder in folders if holder(attempts_folder(folder))]
    assert curve(folders[0], over=False).keys() >= {0, 5}


def test_a_failed_run_is_tried_again_and_a_failure_for_good_is_named(tmp_path: Path) -> None:
    search, store = make(**SHORT, retries=1), tmp_path / "runs"
    endings = dict.fromkeys(("trial0", "trial2", "trial3"), "raise")
    status, text = run(search, store, endings=endings, workers=1)
    trials = trials_of(search, store)
    assert status == 0
    assert [(trial.state.name, trial.user_attrs.get("retry_of")) for trial in trials] == [
        ("FAIL", None),
        ("COMPLETE", 0),
        ("FAIL", None),
        ("FAIL", 2),
        ("COMPLETE", None),
        ("COMPLETE", None),
    ]
    assert trials[1].params == trials[0].params
    assert trials[3].params == trials[2].params
    assert "3 scored, 0 pruned, 1 failed, 0 open" in text
    assert "trial 3 failed: seed 900: error, exited with status 1: ZeroDivisionError: stub" in text


def test_a_second_controller_and_a_bad_option_are_refused_in_one_sentence(tmp_path: Path) -> None:
    store = tmp_path / "runs"
    lock = store / "searches" / "probe.lock"
    with alone(lock, "test"), pytest.raises(UserError, match="another search probe runs in this store"):
        run(make(), store)
    with pytest.raises(UserError, match="--workers must be at least 1"):
        run(make(), store, workers=-1)
    with pytest.raises(UserError, match="--trials must be at least 2, one per point"):
        run(make(points=[START, {**START, "segmentation": "sentence"}]), store, trials=1)
    assert not starts(store)


def _wait_for(condition: Any) -> None:
    limit = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < limit, "waited for two minutes"
        time.sleep(0.05)
