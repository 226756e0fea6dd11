"""Studies that tune their arms: what a spec may say, the search of every arm, and the points that all arms share."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from searches import changed
from stub_searched import finish, log_run

from sspo.config.places import CONF_ROOT
from sspo.errors import UserError
from sspo.runs.runlog import mark_failed
from sweeps.search.cells import cell_at, point_words
from sweeps.search.driver import Driver, Open, ends_of
from sweeps.search.sequence import value_at
from sweeps.search.spec import Search
from sweeps.search.storage import open_storage, open_study
from sweeps.study.load import load, parse
from sweeps.study.spec import Study
from sweeps.tune.default import default_point
from sweeps.tune.searches import arm_searches, dropped_lines, searches_of

LR, SCALE, ALPHA = "trainer.lr", "clip_scale", "objective.bounds.alpha"
CLIP = ["objective.clip.low", "objective.clip.high"]
GOOD: dict[str, Any] = {
    "baseline": "grpo",
    "arms": {
        "base": {"role": "base", "seeds": [0], "overrides": ["trainer.rollouts=0"]},
        "no_clip": {"role": "no_clip", "overrides": ["objective=no_clip"]},
        "grpo": {"overrides": ["objective=grpo"]},
        "gspo": {"overrides": ["objective=gspo", "trainer.lr=3e-4"]},
        "sapo": {"overrides": ["objective=sapo"]},
        "again": {"role": "aa", "copy_of": "grpo", "seed_offset": 100},
    },
    "tune": {
        "space": {
            SCALE: {"low": 0.25, "high": 4, "log": True, "scales": CLIP},
            LR: {"low": 1e-4, "high": 1e-3, "log": True},
            "objective.tau.positive": {"low": 0.5, "high": 2, "arms": ["sapo"]},
        },
        "budget": {"trials": 4},
    },
    "presets": {
        "smoke": {"seeds": [0], "tune": {"budget": {"trials": 3}, "seeds": [900]}},
        "default": {"seeds": [0, 1]},
    },
}


def spec(**changes: Any) -> dict[str, Any]:
    return changed(GOOD, **changes)


def study(**changes: Any) -> Study:
    return parse("toy", spec(**changes))


def test_a_preset_changes_budget_and_pilot_seeds_alone() -> None:
    smoke, default = study().tuning("smoke"), study().tuning("default")
    assert smoke is not None
    assert default is not None
    assert (smoke.head.budget.trials, smoke.head.seeds) == (3, (900,))
    assert (default.head.budget.trials, default.head.seeds) == (4, (900, 901))
    assert (smoke.space, smoke.head.sampler.name) == (default.space, "sobol")


TARGET = "objective.bounds.target_clip_frac"
BAD: list[tuple[dict[str, Any], str]] = [
    ({"tune__spcae": {}}, r"unknown key 'tune.spcae': did you mean 'tune.space'"),
    ({"tune__space": {}}, r"tune.space must name at least one"),
    ({"tune__space__trainer.lrr": {"low": 1, "high": 2}}, r"did you mean 'trainer.lr'"),
    ({f"tune__space__{LR}__low": 1}, r"low must be below high"),
    ({"tune__sampler": {"name": "soobl"}}, r"did you mean 'sobol'"),
    ({"tune__pruner": {"name": "medain"}}, r"did you mean 'median'"),
    ({"tune__seeds": 2}, r"tune.seeds must be a list, got 2"),
    ({"tune__seeds": []}, r"tune.seeds must name one or more"),
    ({"tune__seeds": [900, 900]}, r"tune.seeds must name one or more different"),
    ({"tune__seeds": [900, 9]}, r"pilot seeds, 900 and above, .* got 9"),
    ({"presets__smoke__tune__seeds": [1]}, r"presets.smoke.tune.seeds: .* got 1"),
    ({"presets__default__seeds": [0, 901]}, r"tune.seeds: .*'no_clip' runs seed 901 in presets.default"),
    ({"arms__again__seed_offset": 900}, r"'again' runs seed 900 in presets.smoke"),
    ({"tune__budget": {"trials": 4, "core_hours": 2}}, r"has trials and core_hours: give one unit"),
    ({"tune__budget": {}}, r"tune.budget names no unit"),
    ({"presets__smoke__tune__budget": {}}, r"presets.smoke.tune.budget names no unit"),
    ({"tune__budget": {"trails": 4}}, r"did you mean 'tune.budget.trials'"),
    ({"tune__budget": {"trials": 1}}, r"trials must be at least 2, because a fit"),
    ({"tune__budget": {"trials": 10**400}}, r"and at most 10000, got 1000"),
    ({"tune__budget": {"device_hours": 0}}, r"device_hours must be a positive number"),
    ({"tune__confirm_default": "yes"}, r"tune.confirm_default must be true or false"),
    ({"tune__start_at_default": 1}, r"tune.start_at_default must be true or false"),
    ({"tune": ...}, r"presets.smoke.tune: the study has no tune"),
    ({"tune__space__objective.tau.positive__arms": ["spao"]}, r"did you mean 'sapo'"),
    ({"tune__space__objective.tau.positive__arms": ["base"]}, r"'base' has role base, which is not tuned"),
    ({"tune__space__objective.tau.positive__arms": []}, r"arms must name one or more"),
    ({"tune__space__run.workers": {"low": 1, "high": 2}}, r"unknown option"),
    ({"tune__space__seed": {"low": 900, "high": 902}}, r"'seed' cannot be searched"),
    ({"tune__space__run.store": {"choices": ["a", "b"]}}, r"'run.store' cannot be searched"),
    ({"arms__grpo__overrides": ["objective=grpo", f"{TARGET}=0.2"]}, r"0.2 of arm 'grpo' moves them"),
    ({"arms__grpo__target_clip_frac": 0.2}, r"target_clip_frac of arm 'grpo' says that they were calibrated"),
    ({f"tune__space__{TARGET}": {"low": 0.1, "high": 0.2}}, r"whose controller moves them"),
    ({f"tune__space__{SCALE}__scales": ["objective.clip.lwo"]}, r"did you mean 'objective.clip.low'"),
    ({f"tune__space__{SCALE}__scales": ["objective.term"]}, r"is set to text, and a factor"),
    ({f"tune__space__{SCALE}__scales": ["trainer.epochs"]}, r"set to a whole number, and a factor"),
    ({f"tune__space__{SCALE}__scales": ["objective"]}, r"is a group, and a factor"),
    ({f"tune__space__{SCALE}__scales": []}, r"scales must name one or more"),
    ({f"tune__space__{SCALE}__scales": [CLIP[0], CLIP[0]]}, r"is set twice"),
    ({f"tune__space__{CLIP[0]}": {"low": 0.1, "high": 0.2}}, r"is set twice"),
    ({f"tune__space__{SCALE}__low": 0}, r"a factor must be above 0"),
    ({f"tune__space__{SCALE}__also": ["trainer.lr"]}, r"has scales and also"),
    ({f"tune__space__{SCALE}": {"choices": [1.0, 2.0], "scales": CLIP}}, r"has scales and choices"),
    ({f"tune__space__{SCALE}": {"low": 1, "scales": CLIP}}, r"lacks high"),
    ({"tune__space__trainer.beta1": {"low": 0.5, "high": 0.9, "scales": CLIP}}, r"the name of an option"),
    ({"tune__space__Clip": {"low": 0.5, "high": 2, "scales": ["trainer.lr"]}}, r"no name of its own"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "sentence"), BAD, ids=[sentence[:40] for _, sentence in BAD])
def test_what_makes_no_sense_is_refused_in_one_sentence(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence) as error:
        study(**changes)
    assert "\n" not in str(error.value)


def test_a_condition_is_tuned_for_the_arms_of_what_depends_on_it() -> None:
    space: dict[str, Any] = {
        "objective.bounds.adapt": {"choices": ["none", "tanh"], "arms": ["grpo"]},
        ALPHA: {"low": 0.1, "high": 0.5, "when": {"objective.bounds.adapt": ["tanh"]}},
    }
    with pytest.raises(UserError, match=r"is not tuned for arm 'no_clip'"):
        study(tune__space=space)
    space[ALPHA]["arms"] = ["grpo"]
    assert [one.key for one in searches_of(study(tune__space=space), "smoke")["grpo"].space] == list(space)


UNTRAINABLE: list[tuple[dict[str, Any], str]] = [
    ({f"tune__space__{SCALE}__high": 6}, r"toy.grpo, at clip_scale=6\.0 .*must be in \(0, 1\)"),
    ({f"tune__space__{SCALE}__scales": ["objective.clip.dual"]}, r"toy.no_clip, .*'objective.clip.dual', which is null"),
    ({"tune__space": {SCALE: {"low": 0.5, "high": 2, "scales": ["objective.kl.coef"]}}}, r"for any arm"),
    ({"tune__space": {"trainer.warn_after": {"low": 0, "high": 5}}}, r"changes anything for any arm"),
    ({"arms__wide": {"overrides": ["objective=grpo", f"{CLIP[0]}=0.1"]}}, r"arms 'grpo' and 'wide' differ only"),
    ({"arms__slow": {"overrides": ["objective=grpo", "trainer.lr=1e-4"]}}, r"arms 'grpo' and 'slow' differ only"),
    ({"tune__space": {LR: {"low": 1e-4, "high": 1e-3, "arms": ["no_clip"]}, "objective": {"choices": ["grpo", "gspo"], "arms": ["grpo"]}}, "arms__gspo__overrides": ["objective=gspo"]}, r"'grpo' and 'gspo' are the same run where 'gspo' has its default"),
    ({"arms__gspo__overrides": ["objective=gsop"]}, r"toy, arm 'gspo': .*did you mean 'gspo'"),
    ({"tune__pruner": {"name": "median"}, "presets__default__overrides": ["evaluation.every=0"]}, r"toy.no_clip: pruner"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "sentence"), UNTRAINABLE, ids=[text[:30] for _, text in UNTRAINABLE])
def test_a_space_that_some_arm_cannot_have_is_refused_with_its_name(
    changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(UserError, match=sentence) as error:
        searches_of(study(**changes), "default")
    assert "\n" not in str(error.value)


def test_every_tuned_arm_is_a_search_of_the_parameters_that_matter_for_it() -> None:
    found = arm_searches(study(), "smoke")
    assert {name: [one.key for one in arm.search.space] for name, arm in found.items()} == {
        "no_clip": [LR],
        "grpo": [SCALE, LR],
        "gspo": [SCALE, LR],
        "sapo": [LR, "objective.tau.positive"],
    }
    assert len(dropped_lines(found)) == 2
    assert "no_clip leaves out clip_scale" in dropped_lines(found)[0]
    search = found["gspo"].search
    assert (search.name, search.presets["smoke"].trials, search.points) == ("toy.smoke.gspo", 3, ())
    assert search.head.overrides == ("objective=gspo", "trainer.lr=3e-4")
    hours = searches_of(study(tune__budget={"core_hours": 1.5}), "default")["gspo"]
    assert hours.presets["default"].trials > 1000


def test_an_arm_with_nothing_to_tune_has_one_trial_at_its_default() -> None:
    search = searches_of(study(tune__space={SCALE: GOOD["tune"]["space"][SCALE]}), "default")["sapo"]
    assert (search.space, search.points, search.presets["default"].trials) == ((), ({},), 1)


def test_a_scale_multiplies_the_values_of_the_arm_itself() -> None:
    found = searches_of(study(), "default")
    point = {SCALE: 2.0, LR: 1e-4}
    assert point_words(found["grpo"], "default", point) == (
        "trainer.lr=0.0001",
        "objective.clip.low=0.4",
        "objective.clip.high=0.4",
    )
    clip = cell_at(found["gspo"], "default", point).config.objective.clip
    assert (clip.low, clip.high) == (6e-4, 8e-4)
    own = cell_at(found["gspo"], "default", {})
    assert cell_at(found["gspo"], "default", {SCALE: 1.0, LR: 3e-4}).name == own.name


def test_the_default_point_is_the_arm_itself_and_none_outside_its_space() -> None:
    space = {**GOOD["tune"]["space"], "segmentation": {"choices": ["token", "subsentence"]}}
    arms = {
        "arms__sspo": {"overrides": ["objective=sspo"]},
        "arms__slow": {"overrides": ["objective=dapo", "trainer.lr=1e-5"]},
    }
    found = searches_of(study(**arms, tune__space=space, tune__start_at_default=True), "default")
    expected = {SCALE: 1.0, LR: 2e-4, "segmentation": "subsentence"}
    assert default_point(found["sspo"]) == expected
    assert found["sspo"].points == (expected,)
    assert default_point(found["slow"]) is None
    assert found["slow"].points == ()
    low = searches_of(study(tune__space={CLIP[0]: {"low": 0.1, "high": 0.3, "also": [CLIP[1]]}}), "default")
    assert default_point(low["grpo"]) == {CLIP[0]: 0.2}
    assert default_point(low["gspo"]) is None


def drive(search: Search, store: Path, *, trials: int, fail: int | None = None) -> list[dict[str, Any]]:
    """Settle the trials, a new driver for each as after a kill; return the points of all but retries."""
    points: list[dict[str, Any]] = []
    while True:
        journal = open_study(open_storage(store / "x.journal"), search.name, search.meaning("default"))
        assert journal is not None
        driver = Driver(search, "default", store, journal, trials)
        opened = driver.ask()
        if opened is None:
            return points
        if "retry_of" not in opened.asked.user_attrs:
            points.append(dict(opened.point))
        _end(driver, opened, failed=opened.number == fail)


def _end(driver: Driver, opened: Open, *, failed: bool) -> None:
    for run in opened.runs:
        log_run(run.folder, 0.5)
        if failed:
            mark_failed(run.folder, "oom", "stub")
        else:
            (run.folder / "FAILED.json").unlink(missing_ok=True)
            finish(run.folder)
    driver.conclude(opened, ends_of(opened))


@pytest.mark.parametrize("sampler", ["sobol", "random"])
def test_every_arm_gets_the_same_points_after_a_retry_a_kill_and_without_a_parameter(
    sampler: str, tmp_path: Path
) -> None:
    found = searches_of(study(tune__sampler={"name": sampler, "seed": 3}), "default")
    grpo = drive(found["grpo"], tmp_path / "a", trials=4)
    assert drive(found["gspo"], tmp_path / "b", trials=4, fail=1) == grpo
    assert [point[LR] for point in drive(found["no_clip"], tmp_path / "c", trials=4)] == [p[LR] for p in grpo]
    assert len({point[LR] for point in grpo}) == 4
    first = searches_of(
        study(tune__sampler={"name": sampler, "seed": 3}, tune__start_at_default=True), "default"
    )
    own, *rest = drive(first["grpo"], tmp_path / "d", trials=4)
    assert own == {SCALE: 1.0, LR: 2e-4}
    assert rest == grpo[:3]
    other = searches_of(study(tune__sampler={"name": sampler, "seed": 4}), "default")["grpo"]
    assert drive(other, tmp_path / "e", trials=4) != grpo


def test_eight_points_of_sobol_are_one_in_each_eighth_of_every_range(tmp_path: Path) -> None:
    points = drive(searches_of(study(), "default")["grpo"], tmp_path, trials=8)
    for key, low, high in ((SCALE, 0.25, 4.0), (LR, 1e-4, 1e-3)):
        shares = [math.log(point[key] / low) / math.log(high / low) for point in points]
        assert sorted(int(8 * share) for share in shares) == list(range(8))


def test_a_share_of_a_domain_is_a_value_by_hand() -> None:
    choices = CategoricalDistribution(("a", "b", "c", "d"))
    assert [value_at(choices, share) for share in (0.0, 0.249, 0.25, 0.999)] == ["a", "a", "b", "d"]
    assert value_at(FloatDistribution(1.0, 3.0), 0.25) == 1.5
    assert value_at(FloatDistribution(0.01, 1.0, log=True), 0.5) == pytest.approx(0.1)
    steps = FloatDistribution(0.1, 0.5, step=0.1)
    assert [value_at(steps, share) for share in (0.0, 0.199, 0.2, 0.5, 0.999)] == [0.1, 0.1, 0.2, 0.3, 0.5]
    whole = IntDistribution(2, 8, step=2)
    assert [value_at(whole, share) for share in (0.0, 0.26, 0.5, 0.999)] == [2, 4, 6, 8]
    halves = IntDistribution(1, 2, log=True)  # from log 0.5 to log 2.5: 1.5 lies at 0.68 of it
    assert [value_at(halves, share) for share in (0.0, 0.68, 0.69, 0.999)] == [1, 1, 2, 2]


OLD = {
    "baselines": "60dfc8bde577ce2387f500382c1de8b71508445f67bcf61ee427eb1134140705",
    "confirm_subsentence": "3c3a9f8eb54f2cf0f8acd8be218c7c07495ee77037d13a640743b77374ac07a7",
    "paper_families": "825f37d29100a1bf36fee99c52c25329920047f31c732e93aa11a91ec055376d",
    "stress": "0fb47cbb41f79939d219be880ff2798446c9ad7d108ec4efdb7e7316bd3041ae",
}


@pytest.mark.parametrize("name", OLD)
def test_a_study_from_before_tuning_means_what_it_did(name: str) -> None:
    assert load(CONF_ROOT / "study", name).sha256() == OLD[name]
    assert study().sha256() != study(tune__budget={"trials": 5}).sha256()


@pytest.mark.parametrize("preset", ["smoke", "paper"])
def test_the_study_of_tuned_baselines_can_be_trained_at_its_corners(preset: str) -> None:
    found = arm_searches(load(CONF_ROOT / "study", "baselines_tuned"), preset)
    assert len(found) == {"smoke": 2, "paper": 8}[preset]
    assert not dropped_lines(found)
    assert all(default_point(arm.search) == {LR: 2e-4, SCALE: 1.0} for arm in found.values())
