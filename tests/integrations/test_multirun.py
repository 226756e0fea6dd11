"""`python -m sspo.train -m`: the cells, folders and ledger of `sweeps run`; invalid words are refused in one sentence."""

from __future__ import annotations

import itertools
import json
import os
from pathlib import Path

import pytest
from hydra.core.plugins import Plugins
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from tiny_runs import TINY, markers

from analysis.logs.manifest import from_manifest
from analysis.report import write_report
from sspo.compose.fast import quick_compose
from sspo.errors import UserError
from sspo.runs.identity import cell_hash
from sspo.train import main
from sweeps.control.sweep import RunOptions
from sweeps.find_study import find_study
from sweeps.integrations import hydra_multirun
from sweeps.integrations.arm_names import names
from sweeps.integrations.multirun_study import study_of
from sweeps.integrations.recipes import Recipe, keep
from sweeps.ledger.lock import alone
from sweeps.monitor.requests import control_folder
from sweeps.monitor.status import show_status
from sweeps.plan.plan import Plan, make_plan
from sweeps.study.load import NAME, parse
from sweeps.study.spec import DEFAULT_PRESET
from tests.console import run_here

ARMS = ("grpo", "sspo")


def planned(*words: str, **recipe: str) -> Plan:
    return make_plan(study_of(Recipe(words=words, **recipe)), DEFAULT_PRESET, Path("runs"))


def cells(plan: Plan) -> list[str]:
    return [arm.cell for arm in plan.arms]


def spec_plan(store: Path) -> Plan:
    """The same arms as in a study's spec."""
    sizes = ("smoke", "default", "paper")
    presets = {
        name: {"seeds": [0, 1] if name == "default" else list(range(8)), "overrides": list(TINY)}
        for name in sizes
    }
    arms = {arm: {"overrides": [f"objective={arm}"]} for arm in ARMS}
    return make_plan(
        parse("by_spec", {"baseline": "grpo", "arms": arms, "presets": presets}), "default", store
    )


@pytest.mark.acceptance
def test_a_multirun_runs_the_trials_of_the_same_study_and_a_second_one_runs_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store, words = tmp_path / "runs", ["objective=grpo,sspo", "seed=0", *TINY]
    command = ["-m", "hydra/sweeper=sspo", *words, f"run.store={store}"]
    first = run_here(main, *command, "hydra.sweeper.study=grid")
    assert (first.returncode, first.stderr) == (0, "")
    assert "2 of 2 trials done" in first.stdout
    finished = markers(store)
    assert set(finished) == {f"{trial.cell}/seed0" for trial in spec_plan(store).trials() if trial.seed == 0}

    # no sweeper named, a different order, a different spelling, no name
    assert main(["--multirun", *TINY[::-1], "seed=range(0,1)", words[0], f"run.store={store}"]) == 0
    said = capsys.readouterr().out
    assert "2 of 2 trials done" in said
    assert "[1/2]" not in said  # no trial has ended in it
    assert markers(store) == finished

    study = find_study("grid", store)
    assert show_status(make_plan(study, DEFAULT_PRESET, store), Console()) == 0
    assert capsys.readouterr().out.count("1/1") == 2
    folder, _ = write_report("grid", None, store, tmp_path / "reports")
    assert folder.name == "grid.default"
    assert "sspo.train -m objective=grpo,sspo seed=0" in (folder / "index.md").read_text()
    manifest = from_manifest(json.loads((store / "studies/grid.json").read_text()))
    assert (manifest.baseline, [arm.label for arm in manifest.arms]) == ("grpo", list(ARMS))


VALUES = st.lists(st.sampled_from(("0.1", "0.2", "2e-1")), min_size=1, max_size=3)
OBJECTIVES = st.lists(st.sampled_from(("grpo", "gspo", "sspo")), min_size=1, max_size=3)


@settings(max_examples=10, deadline=None)
@given(OBJECTIVES, VALUES, st.booleans())
def test_its_cells_are_those_of_every_combination_each_once(
    objectives: list[str], bounds: list[str], turned: bool
) -> None:
    words = [f"objective={','.join(objectives)}", f"objective.clip.high={','.join(bounds)}"]
    plan = planned(*(words[::-1] if turned else words))
    wanted = {
        cell_hash(quick_compose([f"objective={name}", f"objective.clip.high={bound}"]))
        for name, bound in itertools.product(objectives, bounds)
    }
    assert set(cells(plan)) == wanted
    assert len(plan.arms) == len(wanted)
    assert all(NAME.fullmatch(arm.name) for arm in plan.arms)


def test_ranges_globs_and_choices_are_lists_of_values() -> None:
    # as written: Hydra counts binary fractions, by which 0.4 is in this range
    ranged = planned("objective=grpo", "objective.clip.low=range(0.1,0.4,0.1)")
    assert cells(ranged) == cells(planned("objective=grpo", "objective.clip.low=choice(0.1,0.2,0.3)"))
    globbed = planned("segmentation=glob(s*,exclude=step)", "seed=range(3,5)")
    assert [(arm.label, arm.seeds) for arm in globbed.arms] == [("sentence", (3, 4)), ("subsentence", (3, 4))]


def test_backends_are_values_like_any_other() -> None:
    plan = planned("trainer.backend=sspo,trl", "seed=0,1")
    assert [arm.config.trainer.backend for arm in plan.arms] == ["sspo", "trl"]
    assert len(set(cells(plan))) == 2


def test_combinations_that_compose_to_one_cell_are_one_arm() -> None:
    fixed = ("objective.bounds.adapt=none", "objective.bounds.alpha=0")
    plan = planned("objective=sspo,sspo_fixed", *fixed, "seed=0,0,1")
    assert [(arm.name, arm.seeds) for arm in plan.arms] == [("sspo", (0, 1))]


def test_arms_that_differ_in_a_path_are_named_by_its_last_part() -> None:
    """Names appear in tables and mirrors, and paths contain the names of their owners."""
    combos = [
        (f"model.path={value}", "seed=0") for value in ("/home/alice/one", "'/home/alice/a two'", "hub/x")
    ]
    assert names(combos) == ["path_one", "path_a_two", "path_hub_x"]


@pytest.mark.parametrize(
    "words", [("seed=0", "++seed=1,2"), ("++seed=0", "seed=1,2"), ("++seed=5,6", "++seed=1,2")]
)
def test_a_later_word_for_a_key_replaces_an_earlier_one_by_whatever_sign(words: tuple[str, ...]) -> None:
    assert planned("objective=grpo", *words).arms[0].seeds == (1, 2)
    both = planned("objective=grpo,gspo", "++trainer.lr=1e-3", "trainer.lr=1e-4")
    assert cells(both) == cells(planned("objective=grpo,gspo", "trainer.lr=1e-4"))


def test_the_baseline_is_the_first_arm_that_trains_with_a_clip_unless_another_is_named() -> None:
    words = ("objective=no_clip,gspo,grpo", "trainer.rollouts=0,2")
    plan = planned(*words)
    assert [(arm.name, arm.role) for arm in plan.arms][:4] == [
        ("no_clip_rollouts_0", "base"),
        ("no_clip_rollouts_2", "no_clip"),
        ("gspo_rollouts_0", "base"),
        ("gspo_rollouts_2", "arm"),
    ]
    assert plan.study.head.baseline == "gspo_rollouts_2"
    assert planned(*words, baseline="grpo_rollouts_2").study.head.baseline == "grpo_rollouts_2"


def test_a_multirun_without_a_name_is_named_by_what_it_compares() -> None:
    name = planned("objective=grpo,sspo", "seed=0,1").study.name
    assert planned("seed=1,0", "objective.clip.low=0.2", "objective=grpo,sspo").study.name != name
    assert planned("seed=1,0", "objective=grpo,sspo", "trainer.lr=2e-4").study.name == name
    assert planned("objective=sspo,grpo", "seed=0,1").study.name != name  # a different baseline
    assert planned("objective=grpo,sspo", "seed=0,1", test="paired").study.name != name


@given(st.lists(st.text("aB0.-_/é'", min_size=1, max_size=50), min_size=1, max_size=8, unique=True))
def test_arms_have_different_names_that_need_no_quoting(values: list[str]) -> None:
    found = names([(f"model.path={value}", "seed=0") for value in values])
    assert len(set(found)) == len(values)
    assert all(NAME.fullmatch(name) for name in found)


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["objectve=grpo,sspo"], "unknown key 'objectve': did you mean 'objective'?"),
        (["objective=grpo,ssspo"], "unknown objective 'ssspo': did you mean 'sspo'?"),
        (["objective=glob(z*)"], "'objective=glob(z*)' names no value"),
        (["objective=grpo,sspo", "tracking.project='${oc.env:HOME}'"], "outside the spec"),
        (["seed=glob(*)"], "glob selects files of a group"),
        (["objective.clip.low=interval(0,1)"], "names an interval; name values, or a range"),
        (["objective=shuffle(grpo,sspo)"], "shuffles its values"),
        (["seed=range(0,3,0)"], "'seed=range(0,3,0)' never ends"),
        (["trainer.lr=range(0,1,1e-9)"], "has 1000000000 values, more than 10000"),
        (["seed=range(3,0)"], "'seed=range(3,0)' names no value"),
        (["seed=range(0,200)", "rollout.prompts=range(1,99)"], "has 19600 combinations, more than 10000"),
        (["objective=grpo,sspo", "objective.bounds.alpha=.3"], "objective=grpo objective.bounds.alpha=.3: "),
        (["objective=grpo", "seed=0,one"], "seed must be a whole number, got 'one'"),
        (["run.threads=1,2"], "'run.threads=1,2' is set by the sweep"),
        (["trainer.record=1"], "'trainer.record=1' is set by the sweep"),
        (["run.store=a,b"], "'run.store=a,b' names several values"),
        (["hydra/sweeper=basic"], "other sweepers have no ledger"),
        (["hydra/launcher=basic"], "unknown setting of a multirun 'hydra/launcher'"),
        (["hydra.sweeper.worker=2"], "did you mean 'hydra.sweeper.workers'?"),
        (["hydra.sweeper.workers=1,2"], "hydra.sweeper.workers takes one"),
        (["hydra.sweeper.workers=two"], "Value 'two' of type 'str' could not be converted to Integer"),
        (["hydra.sweeper.workers=0"], "--workers must be at least 1, got 0"),
        (["hydra.sweeper.baseline=grp", "objective=grpo,sspo"], "did you mean 'grpo'?"),
        (["hydra.sweeper.test=pared"], "unknown hydra.sweeper.test 'pared': did you mean 'paired'?"),
        (["hydra.sweeper.study=clip_ablation"], "is the name of a study in conf/study/"),
        (["hydra.sweeper.study=../up"], "a name must be lowercase letters"),
        (["--cfg"], "'--cfg' cannot be used with -m"),
    ],
)
def test_what_makes_no_sense_is_one_sentence_before_any_work(
    words: list[str], wanted: str, tmp_path: Path
) -> None:
    store = [] if words[0].startswith("run.store") else [f"run.store={tmp_path / 'runs'}"]
    with pytest.raises(UserError) as caught:
        main(["-m", *words, *store])
    assert wanted in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_without_the_plugin_on_the_path_the_sentence_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Plugins, "discover", lambda self, kind: [])
    with pytest.raises(UserError, match="run `make setup`, or start from the folder of the checkout"):
        main(["-m", "seed=0,1"])


def test_a_store_with_a_blank_in_its_name_is_that_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = tmp_path / "my runs"
    keep(Recipe(words=("objective=grpo,sspo",)), "grid", store)
    assert main(["-m", f"run.store='{store}'", "hydra.sweeper.plan=true", "objective=gspo,sspo"]) == 0
    assert "gspo" in capsys.readouterr().out
    assert find_study("grid", store).head.baseline == "grpo"


def test_the_options_of_a_sweep_are_those_of_the_sweeper(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[RunOptions] = []
    monkeypatch.setattr(
        hydra_multirun, "run_sweep", lambda plan, options, console: asked.append(options) or 1
    )
    settings = [f"hydra.sweeper.{word}" for word in ("workers=3", "retry_failed=true", "timeout=90")]
    assert main(["-m", "seed=0,1", f"run.store={tmp_path}", *settings]) == 1
    assert asked == [RunOptions(workers=3, retry_failed=True, timeout=90.0)]


def test_a_plan_runs_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = f"run.store={tmp_path / 'runs'}"
    assert main(["--multirun", "objective=grpo,sspo", "seed=0,1", store, "hydra.sweeper.plan=true"]) == 0
    assert "2 arms, 2 cells, 4 trials" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_a_second_controller_is_refused_and_leaves_the_first_ones_recipe_alone(tmp_path: Path) -> None:
    keep(Recipe(words=("objective=grpo,sspo",)), "grid", tmp_path)
    plan = make_plan(find_study("grid", tmp_path), "default", tmp_path)
    refused = pytest.raises(UserError, match=f"another sweep of grid .default. .* process {os.getpid()}")
    with alone(control_folder(plan), "test"), refused:
        main(["-m", "objective=grpo,gspo", f"run.store={tmp_path}", "hydra.sweeper.study=grid"])
    assert list(find_study("grid", tmp_path).arms) == ["grpo", "sspo"]


def test_a_name_that_is_no_study_is_one_sentence(tmp_path: Path) -> None:
    keep(Recipe(words=("seed=0,1",)), "multirun_ab", tmp_path)
    with pytest.raises(UserError, match="unknown study 'multirun_aa': did you mean 'multirun_ab'"):
        find_study("multirun_aa", tmp_path)
    (tmp_path / "multiruns/multirun_ab.json").write_text('{"words": 1}')
    with pytest.raises(UserError, match=r"multirun_ab\.json is damaged: words must be a list"):
        find_study("multirun_ab", tmp_path)
