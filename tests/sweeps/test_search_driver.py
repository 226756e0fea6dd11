"""Ask, report, tell: how a driver handles suggestions, runs that end in every way, and trials that another driver left open."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path
from statistics import fmean, median

import pytest
from optuna.pruners import HyperbandPruner
from searches import START, driver_of, make, settle, study_of, train
from stub_searched import answers, append, finish, log_run, score

from analysis.evidence.evidence import AVERAGE, Evidence
from analysis.evidence.held_out import held_out
from analysis.logs.compact import read_logs
from sspo.errors import UserError
from sspo.runs.runlog import mark_failed
from sweeps.ledger.score import curve, primary_score
from sweeps.search.corners import check_corners
from sweeps.search.driver import ends_of
from sweeps.search.history import tally
from sweeps.search.storage import open_storage, sole_controller
from sweeps.study.space.method import SAMPLERS
from sweeps.study.spec import Primary

ROOT = Path(__file__).parents[2]


def test_the_score_and_curve_of_a_run_are_those_of_the_report(tmp_path: Path) -> None:
    evidence = Evidence(read_logs(ROOT / "reports" / "clip_ablation" / "logs"))
    curves = held_out(evidence)
    for run in random.Random(3).sample(list(curves.columns), 3):
        folder = tmp_path / str(run)
        folder.mkdir()
        rows = evidence.logs.evaluation.query("run == @run").drop(columns="run")
        rows.to_json(folder / "eval.jsonl", orient="records", lines=True)
        expected = evidence.primary.loc[run, AVERAGE]
        assert primary_score(folder, Primary()) == pytest.approx(expected, abs=1e-12)
        points = {rollout + 1: value for rollout, value in curves[run].dropna().items()}
        assert curve(folder, over=True) == pytest.approx(points, abs=1e-12)


def test_a_point_of_the_curve_counts_once_it_is_written_whole(tmp_path: Path) -> None:
    append(tmp_path / "eval.jsonl", answers(-1, 0.2, final=False) + answers(4, 0.4, final=False)[:2])
    append(tmp_path / "timing.jsonl", [{"rollout": 3}])
    with (tmp_path / "eval.jsonl").open("a") as stream:
        stream.write('{"rollout": 4, "fin')
    assert curve(tmp_path, over=False) == pytest.approx({0: 0.2})


def test_tpe_gathers_where_the_score_is_high_and_starts_with_the_points(tmp_path: Path) -> None:
    search = make()
    driver = driver_of(search, tmp_path, trials=24)
    settle(driver)
    trials = driver.study.trials
    values = [trial.value or 0.0 for trial in trials]
    assert trials[0].params == START
    drawn = values[1:7]  # at random, as sampler.startup is 6 with the point
    assert fmean(values[-8:]) > median(drawn)
    assert max(values) > 0.8  # the peak is 0.905: 0.8 + the bonus of 0.1 + half of the seeds' 0.01
    best = driver.tally.best
    assert best is not None
    assert best.value == max(values)
    seeds = best.user_attrs["seeds"]
    assert best.value == pytest.approx(fmean(seeds.values()))
    assert seeds["901"] - seeds["900"] == pytest.approx(0.01)
    assert driver.tally.settled == driver.tally.complete == 24


def test_a_driver_that_died_at_any_step_is_continued_with_the_trials_of_an_undisturbed_search(
    tmp_path: Path,
) -> None:
    search = make()
    whole = driver_of(search, tmp_path / "whole")
    settle(whole)
    store, rng = tmp_path / "broken", random.Random(5)
    for _ in range(40):
        driver = driver_of(search, store)  # the one before it is forgotten, wherever it was
        adopted = driver.adopt()
        assert len(adopted) <= 1
        opened = adopted[0] if adopted else driver.ask()
        if opened is None:
            break
        if rng.random() < 0.5:
            train(opened)
        if all(end.over(retry_failed=False) for end in ends_of(opened).values()) and rng.random() < 0.7:
            driver.conclude(opened, ends_of(opened))
    ends = [(trial.params, trial.value, trial.state) for trial in driver.study.trials]
    assert ends == [(trial.params, trial.value, trial.state) for trial in whole.study.trials]


def test_a_cell_that_is_done_is_read(tmp_path: Path) -> None:
    space = {"segmentation": {"choices": ["token", "sentence"]}}
    driver = driver_of(make(space=space, points=[]), tmp_path, trials=5)
    trained: Counter[Path] = Counter()
    while (opened := driver.ask()) is not None:
        for run in opened.runs:
            if not (run.folder / "DONE.json").is_file():
                trained[run.folder] += 1
                log_run(run.folder, 0.5)
                (run.folder / "DONE.json").write_text("{}")
        driver.conclude(opened, ends_of(opened))
    assert driver.tally.complete == 5
    assert set(trained.values()) == {1}
    assert len(trained) <= 4  # two cells of two seeds


def test_a_failed_run_fails_its_trial_which_is_begun_again_within_its_bound(tmp_path: Path) -> None:
    driver = driver_of(make(retries=1), tmp_path, trials=2)
    first = driver.ask()
    assert first is not None
    folders = [run.folder for run in first.runs]
    train(first)
    (folders[0] / "DONE.json").unlink()
    mark_failed(folders[0], "oom", "stub")
    driver.conclude(first, ends_of(first))
    assert (driver.tally.failed, driver.tally.open) == (0, 1)
    again = driver_of(make(retries=1), tmp_path, trials=2).ask()  # also by another driver
    assert again is not None
    assert (again.point, [run.folder for run in again.runs]) == (first.point, folders)
    driver = driver_of(make(retries=1), tmp_path, trials=2)
    adopted = driver.adopt()
    assert [opened.number for opened in adopted] == [again.number]
    driver.conclude(adopted[0], ends_of(adopted[0]))  # failed a second time
    assert (driver.tally.failed, driver.tally.open) == (1, 0)
    settle(driver)
    states = [trial.state.name for trial in driver.study.trials]
    assert states == ["FAIL", "FAIL", "COMPLETE"]
    assert driver.study.trials[0].user_attrs["message"] == "seed 900: oom, stub"


def test_a_diverged_run_scores_its_last_finite_checkpoint_and_one_without_a_score_is_named(
    tmp_path: Path,
) -> None:
    driver = driver_of(make(), tmp_path, trials=2)
    for scored in (True, False):
        opened = driver.ask()
        assert opened is not None
        train(opened)
        (opened.runs[1].folder / "DONE.json").unlink()
        mark_failed(opened.runs[1].folder, "diverged", "stub")
        if not scored:
            (opened.runs[1].folder / "eval.jsonl").unlink()
        driver.conclude(opened, ends_of(opened))
    kept, lost = driver.study.trials
    assert kept.user_attrs["outcomes"] == {"900": "done", "901": "diverged"}
    assert kept.value == pytest.approx(score({**{k: str(v) for k, v in START.items()}}, 900) + 0.005)
    assert (lost.state.name, lost.user_attrs["reason"]) == ("FAIL", "unscored")
    assert "seed 901 diverged without a score" in lost.user_attrs["message"]
    assert driver.ask() is None  # a retry would select on the outcome


def test_a_point_that_no_run_can_have_fails_its_trial_and_the_search_goes_on(tmp_path: Path) -> None:
    space = {
        "trainer.minibatch": {"low": 16, "high": 64}
    }  # ends that divide 256; hardly a number between does
    driver = driver_of(
        make(space=space, points=[], sampler={"name": "random", "seed": 1}), tmp_path, trials=3
    )
    assert driver.ask() is None
    assert (driver.tally.failed, driver.tally.settled) == (3, 3)
    assert "does not divide" in driver.study.trials[0].user_attrs["message"]


def test_a_history_belongs_to_one_meaning_of_a_spec(tmp_path: Path) -> None:
    driver_of(make(), tmp_path)
    driver_of(make(title="words", retries=0, presets__default__trials=50), tmp_path)
    with pytest.raises(UserError, match="started with a different space and sampler"):
        driver_of(make(space__segmentation={"choices": ["token", "line"]}, sampler__seed=9), tmp_path)


def test_a_study_that_a_live_process_holds_is_refused(tmp_path: Path) -> None:
    study = study_of(make(), tmp_path / "probe.journal")
    study.set_user_attr("controller", {"pid": 1, "start": "0", "host": "elsewhere", "machine": "elsewhere"})
    with (
        pytest.raises(UserError, match="process 1 on elsewhere; wait for it, or pass --take-over"),
        sole_controller(study, take_over=False),
    ):
        pass
    with sole_controller(study, take_over=True):
        pass
    assert study.user_attrs["controller"] == {}


def test_a_journal_that_a_kill_left_torn_is_mended_and_a_damaged_one_is_refused(tmp_path: Path) -> None:
    driver = driver_of(make(), tmp_path)
    settle(driver)
    journal = tmp_path / "probe.journal"
    whole = journal.read_bytes()
    journal.write_bytes(whole + b'{"op_code":6,"worker_id"')
    assert driver_of(make(), tmp_path).tally == driver.tally
    assert journal.read_bytes().startswith(whole)
    journal.write_bytes(b"no journal\n" + whole)
    with pytest.raises(UserError, match="is damaged"):
        open_storage(journal)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://user:secret@127.0.0.1:1/db", r"(driver is not installed|cannot be opened)"),
        ("nosql://somewhere", "cannot be opened"),
    ],
)
def test_a_database_that_cannot_be_opened_is_one_sentence_without_its_password(url: str, words: str) -> None:
    with pytest.raises(UserError, match=words) as error:
        open_storage(url)
    assert "secret" not in str(error.value)
    assert "\n" not in str(error.value)


def test_retries_and_points_are_queued_once_however_often_a_search_is_opened(tmp_path: Path) -> None:
    for _ in range(3):
        driver = driver_of(make(), tmp_path)
    assert len(driver.study.trials) == 1
    assert tally(driver.study.trials, 1).begun == 0
    assert json.loads(json.dumps(driver.study.trials[0].system_attrs["fixed_params"])) == START


CONDITIONAL = {
    "objective.bounds.adapt": {"choices": ["none", "tanh"]},
    "objective.bounds.alpha": {"low": 0.1, "high": 0.6, "when": {"objective.bounds.adapt": ["tanh"]}},
}


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_searches_a_conditional_space_and_draws_the_same_again(
    sampler: str, tmp_path: Path
) -> None:
    search = make(
        space=CONDITIONAL,
        points=[],
        overrides=["objective=sspo", "objective.bounds.alpha=0"],
        sampler={"name": sampler, "startup": 3},
    )
    assert check_corners(search, "default") == 3
    found = []
    for name in ("one", "two"):
        driver = driver_of(search, tmp_path / name, trials=5)
        while (opened := driver.ask()) is not None:
            for run in opened.runs:
                log_run(run.folder, float(opened.point.get("objective.bounds.alpha", 0.3) or 0.0))
                finish(run.folder)
            driver.conclude(opened, ends_of(opened))
        found.append([(trial.params, trial.value) for trial in driver.study.trials])
    assert found[0] == found[1]
    for params, value in found[0]:
        assert ("objective.bounds.alpha" in params) == (params["objective.bounds.adapt"] == "tanh")
        assert value == pytest.approx(params.get("objective.bounds.alpha", 0.3))


def test_hyperband_has_the_rollouts_of_a_run_as_its_resource(tmp_path: Path) -> None:
    driver = driver_of(make(pruner={"name": "hyperband"}), tmp_path, trials=2)
    pruner = driver.study.pruner
    assert isinstance(pruner, HyperbandPruner)
    assert (pruner._min_resource, pruner._max_resource) == (
        5,
        20,
    )  # evaluation.every and trainer.rollouts by default


def test_commands_that_do_not_search_wait_for_neither_optuna_nor_torch() -> None:
    code = "import sys, sweeps.__main__, sweeps.search.command; sys.exit(bool({'optuna', 'torch'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=ROOT).returncode == 0
