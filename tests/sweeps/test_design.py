"""Designs: the arms of factors, their names, their references, and refusals."""

from __future__ import annotations

import copy
import itertools
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sspo.config.places import CONF_ROOT
from sspo.config.yaml_file import read_yaml
from sspo.errors import UserError
from sweeps.plan.manifest import content
from sweeps.plan.plan import make_plan
from sweeps.study.design import MOST_ARMS, generate
from sweeps.study.factors import Design, Factor, Level, read_factors
from sweeps.study.load import load, parse
from sweeps.study.spec import Study

PRESETS = {"smoke": {"seeds": 1}, "default": {"seeds": 3}, "paper": {"seeds": 8}}
GOLDEN = Path(__file__).resolve().parent.parent / "golden" / "stress_by_hand.yaml"

LR = {"levels": {"2e-4": None, "3e-4": "trainer.lr=3e-4"}}
OBJECTIVE = {
    "levels": {
        "sspo": "objective=sspo",
        "grpo": ["objective=grpo"],
        "gspo": {"overrides": ["objective=gspo"]},
    }
}
ALPHA = {
    "label": "α",
    "when": {"objective": "sspo"},
    "levels": {0.5: None, -0.5: {"overrides": ["objective.bounds.alpha=-0.5"], "label": "−.5"}},
}  # fmt: skip


def spec(factors: dict[str, Any], baseline: str, arms: Any = None, **design: Any) -> dict[str, Any]:
    written = {
        "baseline": baseline,
        "factors": factors,
        "design": {"kind": "factorial", **design},
        "presets": PRESETS,
    }
    return copy.deepcopy(written if arms is None else {**written, "arms": arms})


def study(factors: dict[str, Any], baseline: str, arms: Any = None, **design: Any) -> Study:
    return parse("small", spec(factors, baseline, arms, **design))


def test_stress_makes_the_plan_that_was_written_by_hand() -> None:
    by_design, by_hand = load(CONF_ROOT / "study", "stress"), parse("stress", read_yaml(GOLDEN))
    assert list(by_design.arms.items()) == list(by_hand.arms.items())
    for preset in by_hand.presets:
        ours, theirs = (make_plan(one, preset, Path("runs")) for one in (by_design, by_hand))
        assert ours.trials() == theirs.trials()
        assert [{**asdict(arm), "factors": {}} for arm in ours.arms] == [asdict(arm) for arm in theirs.arms]


def test_a_factorial_is_every_combination_with_the_last_factor_changing_fastest() -> None:
    made = study({"lr": LR, "objective": OBJECTIVE}, "lr2e_4_sspo")
    assert {name: (arm.label, arm.overrides) for name, arm in made.arms.items()} == {
        "lr2e_4_sspo": ("2e-4, sspo", ("objective=sspo",)),
        "lr2e_4_grpo": ("2e-4, grpo", ("objective=grpo",)),
        "lr2e_4_gspo": ("2e-4, gspo", ("objective=gspo",)),
        "lr3e_4_sspo": ("3e-4, sspo", ("trainer.lr=3e-4", "objective=sspo")),
        "lr3e_4_grpo": ("3e-4, grpo", ("trainer.lr=3e-4", "objective=grpo")),
        "lr3e_4_gspo": ("3e-4, gspo", ("trainer.lr=3e-4", "objective=gspo")),
    }
    assert made.points["lr3e_4_grpo"] == {"lr": "3e-4", "objective": "grpo"}


def test_a_factor_exists_only_where_its_when_says_so_and_leaves_no_trace_elsewhere() -> None:
    made = study({"objective": OBJECTIVE, "alpha": ALPHA}, "sspo_alpha0_5", label="{objective}, α {alpha}")
    assert {name: arm.label for name, arm in made.arms.items()} == {
        "sspo_alpha0_5": "sspo, α 0.5",
        "sspo_alphaminus_0_5": "sspo, α −.5",
        "grpo": "grpo, α –",
        "gspo": "gspo, α –",
    }
    assert made.points["grpo"] == {"objective": "grpo"}
    assert made.arms["grpo"].overrides == ("objective=grpo",)


def test_one_at_a_time_changes_a_single_factor_of_the_reference() -> None:
    factors = {"objective": OBJECTIVE, "lr": {**LR, "label": "learning rate"}}
    made = study(factors, "reference", kind="one_at_a_time", reference={"objective": "grpo"})
    # 1 reference + (3 - 1) + (2 - 1)
    assert {name: (arm.label, made.points[name]) for name, arm in made.arms.items()} == {
        "reference": ("reference", {"objective": "grpo", "lr": "2e-4"}),
        "sspo": ("objective sspo", {"objective": "sspo", "lr": "2e-4"}),
        "gspo": ("objective gspo", {"objective": "gspo", "lr": "2e-4"}),
        "lr3e_4": ("learning rate 3e-4", {"objective": "grpo", "lr": "3e-4"}),
    }


COMPONENTS = {
    "clip_higher": {
        "label": "clip-higher",
        "levels": {"with": "objective.clip.high=0.28", "without": "objective.clip.high=0.2"},
    },
    "resampling": {"levels": {"with": "rollout.resample=2", "without": None}},
}


def test_leave_one_out_has_all_components_on_and_each_off_in_turn() -> None:
    made = study(
        COMPONENTS,
        "dapo",
        kind="leave_one_out",
        overrides=["objective=dapo"],
        reference_name="dapo",
        reference_label="DAPO",
    )
    assert {name: (arm.label, arm.overrides) for name, arm in made.arms.items()} == {
        "dapo": ("DAPO", ("objective=dapo", "objective.clip.high=0.28", "rollout.resample=2")),
        "no_clip_higher": (
            "without clip-higher",
            ("objective=dapo", "objective.clip.high=0.2", "rollout.resample=2"),
        ),
        "no_resampling": ("without resampling", ("objective=dapo", "objective.clip.high=0.28")),
    }


def test_zip_pairs_levels_in_their_order() -> None:
    steps = {"levels": {8: None, 16: {"overrides": ["trainer.minibatch=16"], "name": "u16"}}}
    made = study({"lr": LR, "updates": steps}, "lr2e_4_updates8", kind="zip")
    assert list(made.points.items()) == [
        ("lr2e_4_updates8", {"lr": "2e-4", "updates": "8"}),
        ("lr3e_4_u16", {"lr": "3e-4", "updates": "16"}),
    ]


def test_excluded_points_are_left_out() -> None:
    made = study(
        {"lr": LR, "objective": OBJECTIVE},
        "lr2e_4_sspo",
        exclude=[{"lr": "3e-4", "objective": ["grpo", "gspo"]}],
    )
    assert list(made.arms) == ["lr2e_4_sspo", "lr2e_4_grpo", "lr2e_4_gspo", "lr3e_4_sspo"]


def test_an_arm_is_tested_against_the_one_with_the_same_other_levels() -> None:
    factors = {"lr": LR, "objective": OBJECTIVE, "alpha": ALPHA}
    made = study(factors, "lr2e_4_sspo_alpha0_5", against={"objective": "sspo", "alpha": "0.5"})
    against = {name: arm.against for name, arm in made.arms.items()}
    assert against == {
        "lr2e_4_sspo_alpha0_5": None,
        "lr2e_4_sspo_alphaminus_0_5": None,  # the baseline itself
        "lr2e_4_grpo": None,
        "lr2e_4_gspo": None,
        "lr3e_4_sspo_alpha0_5": None,  # its own reference, so tested against the baseline
        "lr3e_4_sspo_alphaminus_0_5": "lr3e_4_sspo_alpha0_5",
        "lr3e_4_grpo": "lr3e_4_sspo_alpha0_5",
        "lr3e_4_gspo": "lr3e_4_sspo_alpha0_5",
    }


def test_written_arms_join_the_generated_ones_and_copies_come_last(tmp_path: Path) -> None:
    arms = {
        "again": {"role": "aa", "copy_of": "grpo", "seed_offset": 50},
        "no_clip": {"role": "no_clip", "overrides": ["objective=no_clip"]},
    }
    made = study({"objective": OBJECTIVE}, "sspo", arms)
    assert list(made.arms) == ["no_clip", "sspo", "grpo", "gspo", "again"]
    manifest = content(make_plan(made, "default", tmp_path))
    assert [arm["factors"] for arm in manifest["arms"]] == [
        {},
        {"objective": "sspo"},
        {"objective": "grpo"},
        {"objective": "gspo"},
        {},
    ]
    assert manifest["factors"] == [
        {
            "name": "objective",
            "label": "objective",
            "levels": [{"name": name, "label": name} for name in ("sspo", "grpo", "gspo")],
        }
    ]


def grid(sizes: list[int]) -> dict[str, Factor]:
    return {
        f"f{i}": Factor(levels={f"l{k}": Level(overrides=(f"x{i}={k}",)) for k in range(size)})
        for i, size in enumerate(sizes)
    }


@given(sizes=st.lists(st.integers(1, 4), min_size=1, max_size=4), data=st.data())
@settings(max_examples=100, deadline=None)
def test_a_factorial_with_exclusions_is_the_product_without_them(
    sizes: list[int], data: st.DataObject
) -> None:
    factors = grid([*sizes, 2])
    order = data.draw(st.permutations(list(factors)))
    banned = {
        name: tuple(data.draw(st.lists(st.sampled_from(list(factor.levels)), min_size=1, unique=True)))
        for name, factor in factors.items()
        if data.draw(st.booleans())
    }
    design = Design(kind="factorial", vary=tuple(order), exclude=(banned,) if banned else ())
    wanted = [
        levels
        for levels in itertools.product(*(factors[name].levels for name in order))
        if not banned or any(level not in banned.get(name, (level,)) for name, level in zip(order, levels, strict=True))
    ]  # fmt: skip
    if any(
        all(dict(zip(order, levels, strict=True))[name] != level for levels in wanted)
        for name, factor in factors.items()
        for level in factor.levels
    ):
        with pytest.raises(UserError, match="design: no arm has"):
            generate(factors, design, "")
        return
    made = generate(factors, design, "")
    assert [tuple(point[name] for name in order) for point in made.points.values()] == wanted
    assert all(list(point) == list(factors) for point in made.points.values())


@given(sizes=st.lists(st.integers(2, 4), min_size=1, max_size=5), data=st.data())
@settings(max_examples=50, deadline=None)
def test_one_at_a_time_is_the_reference_and_every_neighbor_in_one_factor(
    sizes: list[int], data: st.DataObject
) -> None:
    factors = grid(sizes)
    center = {name: data.draw(st.sampled_from(list(factor.levels))) for name, factor in factors.items()}
    made = generate(factors, Design(kind="one_at_a_time", reference=center), "")
    assert len(made.points) == 1 + sum(size - 1 for size in sizes)
    first, *others = made.points.values()
    assert first == center
    assert all(sum(point[name] != center[name] for name in factors) == 1 for point in others)


def test_an_absurd_design_is_refused_before_it_is_made() -> None:
    factors = grid([10] * 12)  # 10^12 points
    with pytest.raises(
        UserError, match=f"up to f3 already make 10000 arms, and a study has at most {MOST_ARMS}"
    ):
        generate(factors, Design(kind="factorial"), "")


BOTH = {"lr": LR, "objective": OBJECTIVE}


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (spec(BOTH, "x", kind="factoral"), "did you mean 'factorial'?"),
        ({key: value for key, value in spec(BOTH, "x").items() if key != "design"}, "factors requires design"),
        ({key: value for key, value in spec(BOTH, "x").items() if key != "factors"}, "design requires factors"),
        ({**spec(BOTH, "x"), "design": {"vary": ["lr"]}}, "design.kind is missing"),
        ({**spec(BOTH, "x"), "design": "factorial"}, "design must be a group of options, got 'factorial'"),
        (spec(BOTH, "x", exlude=[]), "did you mean 'design.exclude'?"),  # codespell:ignore exlude
        (spec(BOTH, "x", exclude={"lr": "3e-4"}), "design.exclude must be a list"),
        (spec(BOTH, "x", exclude=[{"lrr": "3e-4"}]), "unknown factor in design.exclude 'lrr': did you mean 'lr'?"),
        (spec(BOTH, "x", exclude=[{"lr": "3e-3"}]), "unknown level of lr in design.exclude '3e-3': did you mean"),
        (spec(BOTH, "x", exclude=[{"lr": "3e-4"}]), "no arm has lr=3e-4; leave that level out, or change design.exclude"),
        (spec(BOTH, "x", exclude=[{}]), "design.exclude must set a level of at least one factor, got {}"),
        (spec(BOTH, "x", against={"objectiv": "sspo"}), "did you mean 'objective'?"),
        (spec(BOTH, "x", against={"objective": "spo"}), "did you mean 'sspo'?"),
        (spec(BOTH, "x", against={"objective": "sspo"}, exclude=[{"lr": "3e-4", "objective": "sspo"}]),
         "arm 'lr3e_4_grpo' (lr=3e-4, objective=grpo) has no arm with lr=3e-4, objective=sspo to be tested against"),
        (spec(BOTH, "x", vary=["lr"]), "design.vary must name each factor once (lr, objective), got ['lr']"),
        (spec(BOTH, "x", kind="zip"), "so all need the same number, got lr with 2, objective with 3"),
        (spec(BOTH, "x", kind="leave_one_out"), "needs two levels, with the one that is on first, got lr with 2, objective with 3"),
        (spec(BOTH, "x", reference={"lr": "3e-4"}), "design.reference has no effect on design.kind=factorial"),
        (spec(BOTH, "x", kind="one_at_a_time", vary=["lr", "objective"]), "design.vary has no effect"),
        (spec(BOTH, "x", label="{lrr}"), "unknown factor in design.label 'lrr': did you mean 'lr'?"),
        (spec(BOTH, "x", overrides=["seed=1"]), "design.overrides: 'seed=1' is set by the sweep"),
        (spec({"lr": {"levels": {"a": "seed=1"}}}, "a"), "factors.lr.levels.a.overrides: 'seed=1' is set by the sweep"),
        (spec({"lr": {"levels": {"a": {"overide": []}}}}, "a"), "did you mean 'factors.lr.levels.a.overrides'?"),  # codespell:ignore overide
        (spec({"lr": {"levels": {True: None}}}, "a"), "must be a word or a number, got True; quote it"),
        (spec({"lr": {"levels": {"8": None, 8: None}}}, "a"), "must name each level once"),
        (spec({"lr": {"levels": {}}}, "a"), "factors.lr.levels must name at least one level, got {}"),
        (spec({"lr": {"levels": ["3e-4"]}}, "a"), "factors.lr.levels must name at least one level, got ['3e-4']"),
        (spec({"lr": None}, "a"), "factors.lr.levels must name at least one level"),
        (spec({"LR": LR}, "a"), "a name must be lowercase letters"),
        (spec({"lr": {**LR, "level": {}}}, "a"), "did you mean 'factors.lr.levels'?"),
        (spec({"lr": {"levels": {"a": {"name": "A b"}}}}, "a"), "factors.lr.levels.a.name is part of an arm's name"),
        (spec({"lr": {"levels": {"a": {"name": ""}}}}, "a"), "the arm with lr=a would be named ''"),
        (spec({"lr": {"levels": {"a": None, "A": "trainer.lr=1"}}}, "a"), "lr=a and lr=A would both be arm 'a'"),
        (spec({"lr": LR, "rate": LR}, "a"), "factors lr and rate both set trainer.lr"),
        (spec({"alpha": ALPHA, "objective": OBJECTIVE}, "a"), "factors.alpha.when names 'objective', which must be declared above"),
        (spec({"objective": OBJECTIVE, "alpha": {**ALPHA, "when": {"objectiv": "sspo"}}}, "a"), "did you mean 'objective'?"),
        (spec({"objective": OBJECTIVE, "alpha": {**ALPHA, "when": {"objective": "ssp"}}}, "a"), "did you mean 'sspo'?"),
        (spec({"objective": OBJECTIVE, "alpha": ALPHA}, "a", kind="zip", exclude=[]), "so all need the same number"),
        (spec({"lr": LR, "alpha": {**ALPHA, "when": {"lr": "2e-4"}}}, "a", kind="zip"), "and alpha has a `when`"),
        (spec({"objective": OBJECTIVE, "alpha": ALPHA}, "reference", kind="one_at_a_time", reference={"objective": "grpo"}),
         "no arm has alpha=-0.5; leave that level out, or change its factor's `when`"),
        (spec(BOTH, "x"), "unknown arm as baseline 'x'"),
        (spec({"objective": OBJECTIVE}, "sspo", {"grpo": None}), "arm 'grpo' is both listed under arms and generated by the design"),
        (spec({"objective": OBJECTIVE}, "sspo", {"a": {"copy_of": "gspoo", "role": "aa"}}), "did you mean 'gspo'?"),
    ],
)  # fmt: skip
def test_a_design_that_makes_no_sense_is_refused_in_one_sentence(written: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError) as refusal:
        parse("small", written)
    assert said in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_factors_that_never_meet_may_set_the_same_option() -> None:
    tight = {"when": {"objective": "grpo"}, "levels": {"narrow": "objective.clip.low=0.1", "wide": None}}
    loose = {"when": {"objective": "gspo"}, "levels": {"tiny": "objective.clip.low=3e-4", "small": None}}
    assert len(study({"objective": OBJECTIVE, "tight": tight, "loose": loose}, "sspo").arms) == 5  # 1 + 2 + 2


def test_invalid_cells_are_refused_at_plan_time_by_key_and_levels() -> None:
    widths = {"levels": {"normal": None, "absurd": {"overrides": ["objective.clip.low=1.5"]}}}
    made = study({"objective": OBJECTIVE, "width": widths}, "sspo_normal")
    with pytest.raises(UserError) as refusal:
        make_plan(made, "default", Path("runs"))
    text = str(refusal.value)
    assert "arm 'sspo_absurd' (objective=sspo, width=absurd): objective.clip.low must be in (0, 1)" in text
    assert "2 more arms of the study make no sense either: grpo_absurd, gspo_absurd; design.exclude" in text
    valid = study({"objective": OBJECTIVE, "width": {"levels": {"normal": None}}}, "sspo_normal")
    assert len(make_plan(valid, "default", Path("runs")).arms) == 3


def test_an_answer_longer_than_the_models_positions_is_refused_at_plan_time() -> None:
    made = parse(
        "long",
        {"baseline": "a", "arms": {"a": {"overrides": ["rollout.max_tokens=100000"]}}, "presets": PRESETS},
    )
    with pytest.raises(UserError, match=r"arm 'a': rollout.max_tokens .* leave room for a prompt"):
        make_plan(made, "default", Path("runs"))


@pytest.mark.parametrize(
    ("seeds", "said"),
    [(0, "from 1 to 10000"), (-3, "from 1 to 10000"), (10**9, "got 1000000000"), (True, "must be a list, got True")],
)  # fmt: skip
def test_a_count_of_seeds_that_makes_no_sense_is_refused(seeds: Any, said: str) -> None:
    presets = {**PRESETS, "default": {"seeds": seeds}}
    with pytest.raises(UserError, match=said):
        parse("small", {"baseline": "a", "arms": {"a": None}, "presets": presets})


def test_a_count_of_seeds_is_short_for_the_first_ones() -> None:
    arms = {"a": None, "base": {"role": "base", "seeds": 1}}
    made = parse("small", {"baseline": "a", "arms": arms, "presets": PRESETS})
    assert (made.presets["default"].seeds, made.arms["base"].seeds) == ((0, 1, 2), (0,))


def test_a_level_in_short_is_the_same_as_in_full() -> None:
    short, full = ({"f": {"levels": {"a": value}}} for value in ("x=1", {"overrides": ["x=1"]}))
    assert read_factors(short) == read_factors(full)


JUNK = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-3, 10**6), st.floats(), st.sampled_from(["", "a", "lr", "objective=grpo", "{", "3e-4"])
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.sampled_from(["lr", "levels", "kind", 3]), inner, max_size=2)),
    max_leaves=4,
)  # fmt: skip
WHOLE = spec(
    {**BOTH, "alpha": ALPHA},
    "lr2e_4_sspo_alpha0_5",
    {"again": {"role": "aa", "copy_of": "lr2e_4_grpo", "seed_offset": 50}},
    vary=["lr", "objective", "alpha"],
    label="{lr}",
    against={"objective": "sspo", "alpha": "0.5"},
    exclude=[{"lr": "3e-4", "objective": "gspo"}],
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths to everything inside a spec."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, item in inner for place in ((*path, key), *places(item, (*path, key)))]


@given(place=st.sampled_from(places(WHOLE)), junk=JUNK)
@settings(max_examples=300, deadline=None)
def test_junk_anywhere_in_a_spec_is_one_sentence_or_a_study(place: tuple[Any, ...], junk: Any) -> None:
    broken = copy.deepcopy(WHOLE)
    inner: Any = broken
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = junk
    sentence = refused(broken)
    assert sentence is None or (sentence and "\n" not in sentence)


def refused(written: dict[str, Any]) -> str | None:
    """Return why a spec is refused; None if it is valid."""
    try:
        parse("small", written)
    except UserError as error:
        return str(error)
    return None
