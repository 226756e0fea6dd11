"""Epochs: where a run's numbers belong, what a comparison finds, and that this very code is listed."""

from __future__ import annotations

import json

import pytest

from sspo.compose.fast import quick_compose
from sspo.config import REWARD_NAMES, RULES, TASK_NAMES, choices
from sspo.errors import UserError
from sspo.numerics.__main__ import settle
from sspo.numerics.compare import compare, touched
from sspo.numerics.probe_losses import objectives
from sspo.numerics.probe_rules import configs
from sspo.numerics.probe_runs import CELLS, SMALL
from sspo.questions.sets import SETS
from sspo.runs.code_key import ROOT, code_key
from sspo.runs.epochs import FILE, Epoch, epoch_of, level_under, read_epochs
from sspo.runs.identity import facts_of

GSPO = {"objective.ratio": "response"}
EPOCHS = (
    Epoch(number=1, keys=("a", "b"), why="", touches=()),
    Epoch(number=2, keys=("c",), why="", touches=(GSPO,)),
    Epoch(number=3, keys=("d",), why="", touches=({"objective.ratio": "token", "seed": 1},)),
)


def test_this_code_is_listed():
    assert epoch_of(code_key(), read_epochs()) is not None, (
        f"code {code_key()} is listed in no epoch of {FILE}: `make same-numbers` proves that it gives the numbers of its parent, "
        "or opens an epoch; until then every finished run is stale"
    )


def test_a_run_belongs_to_the_last_epoch_that_touched_it():
    assert level_under(GSPO, "a", EPOCHS) == level_under(GSPO, "b", EPOCHS) == ""
    assert level_under(GSPO, "c", EPOCHS) == level_under(GSPO, "d", EPOCHS) == "epoch2"
    assert level_under({"objective.ratio": "token"}, "d", EPOCHS) == ""
    assert level_under({"objective.ratio": "token", "seed": 1}, "d", EPOCHS) == "epoch3"
    assert level_under(GSPO, "a", EPOCHS) == ""  # a revert makes the old runs current again
    assert level_under(GSPO, "e", EPOCHS) == "code-e"


def test_facts_name_a_base_of_ones_own_by_that_and_leave_out_what_is_switched_off():
    own, shipped = (
        facts_of(quick_compose([*words, "objective.kl.estimator=k1"])) for words in (["model.path=/x"], [])
    )
    assert (own["model.path"], shipped["model.path"]) == ("other", "embedded")
    assert "objective.kl.estimator" not in own
    assert facts_of(quick_compose(["objective.kl.coef=0.1"]))["objective.kl.estimator"] == "k3"


def test_the_fewest_options_tell_what_differs():
    a = {"rule": "line", "term": "ppo", "n": 1}
    b = {"rule": "line", "term": "cispo", "n": 1}
    c = {"rule": "token", "term": "cispo", "n": 1}
    d = {"rule": "token", "term": "ppo", "n": 1}
    assert touched([a], [c]) == ({"rule": "line"}, {"term": "ppo"})  # either may be the cause
    assert touched([a, b], [c, d]) == ({"rule": "line"},)
    assert touched([a], [b, c, d]) == (
        {"rule": "line", "term": "ppo"},
    )  # each alone is cleared, both together are not
    equal = [{"a": i != 0, "b": i != 1, "c": i != 2, "d": i != 3, "e": True} for i in range(4)]
    every = {
        "a": True,
        "b": True,
        "c": True,
        "d": True,
        "e": True,
    }  # no three of a to d tell it from all of the others
    assert touched([every], equal) == ({"a": True, "b": True, "c": True, "d": True},)
    assert touched([a], []) == ({"n": 1}, {"rule": "line"}, {"term": "ppo"})
    assert touched([], [a]) == ()


def entry(options, **parts):
    return {"options": options, "parts": parts}


def test_only_what_both_revisions_probe_alike_is_compared():
    before = {
        "x": entry({"r": 1}, loss="1", old="1"),
        "y": entry({"r": 2}, loss="1"),
        "z": entry({"r": 3}, loss="1"),
    }
    now = {
        "x": entry({"r": 1}, loss="1", new="2"),
        "y": entry({"r": 2}, loss="9"),
        "w": entry({"r": 4}, loss="1"),
    }
    found = compare(before, now)
    assert (found.equal, found.new, found.gone) == (("x",), ("w",), ("z",))
    assert found.different == {"y": ("loss",)}
    assert found.clauses == ({"r": 2},)


def test_an_option_that_the_parent_lacked_does_not_part_its_probes_from_ours(tmp_path):
    found = compare({"x": entry({"r": 1}, loss="1")}, {"x": entry({"r": 1, "new": 0}, loss="2")})
    assert (found.new, found.different) == ((), {"x": ("loss",)})
    other = compare({"x": entry({"r": 1}, loss="1")}, {"x": entry({"r": 2}, loss="1")})
    with pytest.raises(UserError, match="proves nothing"):
        settle("b", "a", other, "", project(tmp_path))


def project(tmp_path):
    (tmp_path / "sspo").mkdir()
    content = {"probe": "sspo.numerics.probe", "epochs": [{"keys": ["a"], "why": "first", "touches": []}]}
    (tmp_path / FILE).write_text(json.dumps(content))
    return tmp_path


def test_equal_numbers_join_the_epoch_and_others_open_one_with_a_line_in_the_changelog(tmp_path):
    root = project(tmp_path)
    same = {"x": entry({"r": 1}, loss="1"), "y": entry({"r": 2}, loss="1")}
    settle("b", "a", compare(same, same), "", root)
    assert [epoch.keys for epoch in read_epochs(root)] == [("a", "b")]
    settle("c", "b", compare(same, same | {"y": entry({"r": 2}, loss="2")}), "the mean is weighted", root)
    assert [epoch.keys for epoch in read_epochs(root)] == [("a", "b"), ("c",)]
    assert level_under({"r": 2}, "c", read_epochs(root)) == "epoch2"
    assert level_under({"r": 1}, "c", read_epochs(root)) == ""
    assert "epoch 2: the mean is weighted. Touches r=2." in (root / "CHANGELOG.md").read_text()


@pytest.mark.parametrize("text", ["", "[]", '{"epochs": 5}', '{"epochs": [{"keys": 1}]}', "[" * 100_000])
def test_a_damaged_list_of_epochs_is_one_sentence(tmp_path, text):
    (project(tmp_path) / FILE).write_text(text)
    with pytest.raises(UserError, match=r"numerics\.json is damaged"):
        read_epochs(tmp_path)


def test_the_probes_reach_every_choice_of_the_configuration():
    losses, runs = list(objectives().values()), [quick_compose([*SMALL, *words]) for words in CELLS.values()]
    seen = [*losses, *(run.objective for run in runs)]
    assert {row.advantage for row in seen} == set(choices.ADVANTAGES)
    assert {row.ratio for row in seen} == set(choices.RATIOS)
    assert {row.term for row in seen} == set(choices.TERMS)
    assert {row.aggregation for row in seen} == set(choices.AGGREGATIONS)
    assert {row.bounds.adapt for row in seen} == set(choices.ADAPTATIONS)
    assert {row.bounds.entropy_level for row in seen} == set(choices.ENTROPY_LEVELS)
    assert {row.bounds.side for row in seen} == set(choices.SIDES)
    assert {row.kl.estimator for row in seen if row.kl.coef} == set(choices.KL_ESTIMATORS)
    assert {config.rule for config in configs().values()} == set(RULES)
    # every named set, and what a generator makes, is asked by the code that asks a file's questions
    assert {run.task.name for run in runs} == set(TASK_NAMES) - {*SETS, "reasoning_gym"}
    assert {run.reward.name for run in runs} == set(REWARD_NAMES)
    for switched_on in (
        lambda run: run.objective.kl.coef,
        lambda run: run.objective.tis_cap,
        lambda run: run.objective.mis_cap,
        lambda run: run.objective.bounds.target_clip_frac,
        lambda run: run.rollout.resample,
        lambda run: run.reward.overlong_buffer,
        lambda run: run.reward.also,
        lambda run: run.trainer.epochs > 1,
        lambda run: run.trainer.warmup_steps,
        lambda run: run.trainer.weight_decay,
        lambda run: run.trainer.rollouts == 0,
        lambda run: run.evaluation.every,
        lambda run: run.trainer.micro_batch_tokens < 1000,
        lambda run: run.rollout.temperature != 1,
        lambda run: len(run.evaluation.temperatures) > 1,
        lambda run: run.evaluation.top_p < 1,
        lambda run: run.evaluation.top_k,
    ):
        assert {bool(switched_on(run)) for run in runs} == {True, False}


def test_the_file_names_a_probe_that_is_there():
    probe = json.loads((ROOT / FILE).read_text())["probe"]
    assert ROOT.joinpath(*probe.split(".")).with_suffix(".py").is_file()
