"""Specs of searches: refusals and their sentences, before any work; and the cell that a point composes to."""

from __future__ import annotations

from typing import Any

import pytest
from searches import START, make, spec

from sspo.compose.fast import quick_compose
from sspo.config.places import CONF_ROOT
from sspo.errors import UserError
from sspo.runs.identity import cell_hash
from sweeps.search.cells import cell_at
from sweeps.search.corners import check_corners
from sweeps.search.load import load, parse, search_names
from sweeps.search.space import overrides

CLIP, ALPHA = "space__objective.clip.high", "space__objective.bounds.alpha"
BAD: list[tuple[dict[str, Any], str]] = [
    ({"sampler__nam": "tpe"}, r"unknown key 'sampler.nam': did you mean 'sampler.name'"),
    ({"sampler__name": "tpa"}, r"unknown sampler.name 'tpa': did you mean 'tpe'"),
    ({"pruner__name": "medain"}, r"did you mean 'median'"),
    (
        {"pruner": {"name": "median", "watch": "rollouts"}},
        r"unknown pruner.watch 'rollouts': did you mean 'rollout'",
    ),
    ({"space__objective.clip.hgih": {"low": 1, "high": 2}}, r"did you mean 'objective.clip.high'"),
    ({CLIP: {"low": 0.3, "high": 0.1}}, r"low must be below high"),
    ({CLIP: {"low": 0, "high": 0.1, "log": True}}, r"logarithmic range must start above 0"),
    ({CLIP: {"low": 0.1, "high": 0.2, "log": True, "step": 0.1}}, r"log and step"),
    ({CLIP: {"low": 0.1, "high": 0.2, "step": 0.03}}, r"high must lie a whole number of steps above low"),
    ({CLIP: {"low": 0.1}}, r"lacks high"),
    ({CLIP: {"low": 0.1, "hihg": 0.2}}, r"did you mean 'space.objective.clip.high.high'"),
    ({"space__trainer.minibatch": {"low": 1.5, "high": 4}}, r"minibatch.low must be a whole number"),
    ({"space__segmentation": {"low": 0, "high": 1}}, r"is a group, which has no range"),
    ({"space__objective.ratio": {"low": 0, "high": 1}}, r"is set to text, which has no range"),
    ({"overrides": ["tracking.project=${oc.env:HOME}"]}, r"outside the spec"),
    ({"space__tracking.project": {"choices": ["${oc.env:HOME}", "b"]}}, r"cannot be searched"),
    ({"space__model.path": {"choices": ["${oc.env:HOME}", "b"]}}, r"outside the spec"),
    (
        {"space": ["objective.clip.high"]},
        r"space must map names to values, got \['objective.clip.high'\]",
    ),
    ({"space__segmentation": {"choices": ["token"]}}, r"two or more different values"),
    ({"space__segmentation": {"choices": ["token", "token"]}}, r"two or more different values"),
    ({"space__seed": {"low": 0, "high": 9}}, r"'seed' cannot be searched"),
    (
        {"space__evaluation.samples": {"low": 1, "high": 9}},
        r"cannot be searched: .* its measurement",
    ),
    ({"space__objective.clip.low": {"low": 0.1, "high": 0.2}}, r"'objective.clip.low' is set twice"),
    ({f"{ALPHA}__when": {"segmentation": ["token"]}}, r"declared above it"),
    ({"overrides": ["objective.clip.high=0.1"]}, r"overridden by space.objective.clip.high"),
    ({"overrides": ["seed=3"]}, r"belongs to a run"),
    ({"points": [{**START, "objective.clip.high": 0.9}]}, r"is outside its own range"),
    ({"points": [{"segmentation": "token"}]}, r"lacks 'objective.clip.high'"),
    ({"points": [START, START]}, r"repeats points\[0\]"),
    ({"presets__default__seeds": [0, 1]}, r"pilot seeds, 900 and above, .* got 0"),
    ({"presets__default__trials": 0}, r"trials must be at least 1"),
    ({"presets__quick": {"trials": 2}}, r"unknown preset 'quick'"),
    ({"presets": {"smoke": {}}}, r"must hold 'default'"),
    ({"primary": {"mode": "sampled", "temperature": 0.0}}, r"greedy decoding is temperature 0"),
    ({"retries": -1}, r"retries must be at least 0"),
    ({"space": {}}, r"space must name at least one"),
    ({f"{ALPHA}__arms": ["sspo"]}, r"a search has no arms"),
    ({"space__trainer": {"low": 1, "high": 2, "scales": ["trainer.lr"]}}, r"the name of an option or group"),
    (
        {"space__s": {"low": 1, "high": 2, "scales": ["objective.clip.low"]}},
        r"'objective.clip.low' is set twice",
    ),
]


@pytest.mark.parametrize(("changes", "sentence"), BAD, ids=[sentence[:40] for _, sentence in BAD])
def test_what_makes_no_sense_is_refused_in_one_sentence(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence) as error:
        parse("probe", spec(**changes))
    assert "\n" not in str(error.value)


UNTRAINABLE: list[tuple[dict[str, Any], str]] = [
    ({f"{CLIP}__high": 0.9}, r"at objective.clip.high=0.9 .*lower bound of zero or less"),
    ({"space__trainer.minibatch": {"choices": [32, 33]}, "points": []}, r"does not divide the rollout"),
    ({"space__trainer.warn_after": {"low": 0, "high": 5}, "points": []}, r"warn_after changes nothing"),
    ({"primary": {"temperature": 0.7}}, r"temperatures holds only 1"),
    (
        {"pruner__name": "median", "overrides": ["objective=sspo", "evaluation.every=0"]},
        r"set it between, pruner.watch to rollout, or pruner.name to none",
    ),
    (
        {
            "pruner": {"name": "median", "watch": "rollout"},
            "overrides": ["objective=sspo", "trainer.rollouts=1"],
        },
        r"trainer.rollouts is 1; set at least 2",
    ),
]


@pytest.mark.parametrize(
    ("changes", "sentence"), UNTRAINABLE, ids=[sentence[:30] for _, sentence in UNTRAINABLE]
)
def test_a_space_with_a_corner_that_no_run_can_have_is_refused_before_any_work(
    changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(UserError, match=sentence) as error:
        check_corners(make(**changes), "default")
    assert "\n" not in str(error.value)


def test_a_point_is_the_cell_that_its_overrides_make_by_any_other_route() -> None:
    search = make()
    assert overrides(search.space, START) == (
        "objective.clip.high=0.15",
        "objective.clip.low=0.15",
        "objective.bounds.alpha=-0.5",
        "segmentation=token",
    )
    by_hand = ["segmentation=token", "objective.bounds.alpha=-0.5", "objective.clip.low=0.15"]
    assert cell_at(search, "default", START).name == cell_hash(
        quick_compose([*by_hand, "objective.clip.high=0.15"])
    )


def test_a_scale_multiplies_what_the_rest_of_a_point_leaves_and_a_preset_may_set_it() -> None:
    space = {
        "objective": {"choices": ["grpo", "gspo"]},
        "scale": {"low": 0.5, "high": 2, "scales": ["objective.clip.high", "trainer.lr"]},
    }
    search = make(space=space, points=[], overrides=["trainer.lr=0.003"])
    config = cell_at(search, "default", {"objective": "gspo", "scale": 0.5}).config
    assert (config.objective.clip.low, config.objective.clip.high) == (3e-4, 2e-4)
    assert config.trainer.lr == 0.0015
    assert check_corners(search, "default") == 4


def test_a_conditional_parameter_counts_where_its_condition_holds_alone() -> None:
    when = {"objective.bounds.adapt": ["tanh", "rank"]}
    space = {
        "objective.bounds.adapt": {"choices": ["none", "tanh", "rank"]},
        "objective.bounds.alpha": {"low": 0.1, "high": 0.6, "when": when},
    }
    fixed = {"objective.bounds.adapt": "none"}
    adaptive = {"objective.bounds.adapt": "tanh", "objective.bounds.alpha": 0.5}
    search = make(space=space, points=[fixed, adaptive], overrides=["objective=sspo"])
    assert overrides(search.space, fixed) == ("objective.bounds.adapt=none",)
    with pytest.raises(UserError, match="is not active there"):
        make(space=space, points=[{**fixed, "objective.bounds.alpha": 0.5}])
    when["objective.bounds.adapt"] = ["tnah"]
    with pytest.raises(UserError, match=r"unknown choice in .*when.* 'tnah': did you mean 'tanh'"):
        make(space=space, points=[])


@pytest.mark.parametrize("name", search_names(CONF_ROOT / "search"))
def test_every_search_that_ships_can_be_trained_at_its_corners(name: str) -> None:
    search = load(CONF_ROOT / "search", name)
    assert {"smoke", "default"} <= set(search.presets)
    for preset in search.presets:
        assert check_corners(search, preset) >= 2


def test_a_history_from_before_pruners_could_watch_rollouts_means_what_it_did() -> None:
    watches = {"name": "median", "watch": "rollout"}
    assert "watch" not in make(pruner={"name": "median"}).meaning("default")["pruner"]
    assert make(pruner=watches).meaning("default")["pruner"]["watch"] == "rollout"
