"""A study's spec: every mistake is refused in one sentence that names it and the nearest valid choice."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from analysis.claims.spec import load_claims
from sspo.compose.fast import quick_compose
from sspo.errors import UserError
from sweeps.plan.plan import Trial
from sweeps.search.load import load as load_search
from sweeps.study.load import load, parse, study_names
from sweeps.workers.worker import train_command

GOOD: dict[str, Any] = {
    "title": "t",
    "baseline": "grpo",
    "arms": {
        "grpo": {"overrides": ["objective=grpo"]},
        "sspo": None,
        "again": {"role": "aa", "copy_of": "grpo", "seed_offset": 9},
    },
    "gates": {"token_arm": "grpo"},
    "presets": {
        "smoke": {"seeds": [0]},
        "default": {"seeds": [0, 1]},
        "paper": {"seeds": [0, 1, 2, 3, 4, 5, 6, 7]},
    },
}


def changed(*path: str, value: Any) -> dict[str, Any]:
    spec = copy.deepcopy(GOOD)
    inner = spec
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return spec


def test_defaults_fill_what_a_spec_leaves_out() -> None:
    study = parse("small", GOOD)
    assert (study.head.test, study.head.primary.mode, study.head.gates.no_clip_margin) == (
        "welch",
        "sampled",
        0.2,
    )
    assert (study.arms["sspo"].role, study.presets["default"].arms) == ("arm", None)


def test_a_study_names_only_the_presets_that_it_runs() -> None:
    spec = {key: value for key, value in GOOD.items() if key != "presets"}
    short = parse("small", {**spec, "seeds": 3})
    assert short == parse("small", {**spec, "presets": {"default": {"seeds": [0, 1, 2]}}})
    paper = parse("small", {**spec, "presets": {"paper": {"seeds": 8}}, "looks": [4]})
    assert (paper.preset_for(None), paper.strongest_preset()) == ("paper", "paper")
    several = parse("small", {**spec, "presets": {"smoke": {"seeds": 1}, "paper": {"seeds": 8}}})
    with pytest.raises(UserError, match="choose one of smoke, paper with --preset"):
        several.preset_for(None)
    with pytest.raises(UserError, match="unknown preset of small 'default': valid: paper, smoke"):
        several.preset_for("default")
    with pytest.raises(UserError, match=r"because presets\.default has 2 seeds per arm"):
        parse("small", {**spec, "presets": {"default": {"seeds": 2}}, "looks": [4]})


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (changed("titel", value="x"), "did you mean 'title'"),  # codespell:ignore titel
        (changed("baseline", value="grpoo"), "did you mean 'grpo'"),
        (
            changed("presets", "more", value={"role": "arm"}),
            "presets.more looks like an arm: write it under arms, above presets",
        ),
        (changed("test", value="pared"), "did you mean 'paired'"),
        (changed("smallest_effect", value=2.0), "be between 0 and 1, got 2: write 0.02 for two points"),
        (changed("looks", value=[6, 4]), "increasing numbers of seeds per arm, got [6, 4]"),
        (changed("looks", value=[3]), "at least 4 seeds per arm, got 3"),
        (
            changed("looks", value=[4, 8]),
            "8 seeds are not an interim look, because presets.paper has 8 seeds per arm",
        ),
        (changed("primary", value={"mode": "greedi"}), "did you mean 'greedy'"),
        (changed("gates", value={"token_arn": "grpo"}), "did you mean 'gates.token_arm'"),
        (changed("gates", "token_arm", value="sspoo"), "did you mean 'sspo'"),
        (
            changed("arms", "sspo", value={"overide": []}),  # codespell:ignore overide
            "did you mean 'arms.sspo.overrides'",
        ),
        (changed("arms", "sspo", value={"role": "noclip"}), "did you mean 'no_clip'"),
        (changed("arms", "sspo", value={"against": "grppo"}), "did you mean 'grpo'"),
        (changed("arms", "sspo", value={"against": "sspo"}), "an arm is not tested against itself"),
        (changed("arms", "sspo", value={"against": "again"}), "'again' has role aa"),
        (
            changed("arms", "grpo", value={"against": "sspo"}),
            "the study's baseline is not tested against any arm",
        ),
        (changed("arms", "again", "against", value="grpo"), "an arm of role aa is never tested"),
        (changed("arms", "again", "copy_of", value="gropo"), "did you mean 'grpo'"),
        (changed("arms", "sspo", value={"copy_of": "again"}), "'again' is itself a copy"),
        (
            changed("arms", "again", "overrides", value=["objective=sspo"]),
            "uses its overrides; leave out its own",
        ),
        (changed("arms", "sspo", value={"overrides": ["seed=3"]}), "'seed=3' is set by the sweep"),
        (changed("arms", "sspo", value={"overrides": ["run.gpus=2"]}), "'run.gpus=2' is set by the sweep"),
        (changed("arms", "sspo", value={"overrides": ["run=x"]}), "'run=x' is set by the sweep"),
        (changed("arms", "sspo", value={"overrides": "objective=sspo"}), "must be a list"),
        (changed("arms", value={}), "arms must name at least one"),
        (
            changed("arms", value=["grpo", "sspo"]),
            "arms must map a name to the options of each of its entries, got ['grpo', 'sspo']",
        ),
        (
            changed("arms", "sspo", value={"overrides": ["tracking.project=${oc.env:HOME}"]}),
            "outside the spec",
        ),
        (changed("presets", "paper", "overrides", value=["run_${a}=${ oc.env:HOME}"]), "outside the spec"),
        (changed("replay", value={"objective": ["objective=${oc.env:X,sspo}"]}), "outside the spec"),
        (changed("arms", "Big Arm", value=None), "got 'Big Arm'"),
        (changed("presets", "papper", value={"seeds": [0]}), "did you mean 'paper'"),
        (changed("presets", "default", "arms", value=["grpo", "sspi"]), "did you mean 'sspo'"),
        (changed("presets", "default", "seeds", value=[]), "presets.default.seeds"),
        (changed("presets", "default", "seeds", value=[0, -1]), "got [0, -1]"),
        (changed("presets", "default", "seeds", value=[1, 1]), "got [1, 1]"),
        (changed("presets", "default", "seeds", value=[1] * 50_000), "got [1, 1, 1, 1, 1, 1, ...]"),
        (changed("presets", "default", "seeds", value=["one"]), "must be a whole number, got 'one'"),
        (changed("baseline", value="again"), "baseline must be an arm of role arm"),
        (
            changed("presets", "smoke", "arms", value=["sspo"]),
            "presets.smoke.arms must hold the baseline 'grpo'",
        ),
        (
            changed("presets", "paper", "seeds", value=list(range(7))),
            "at least 8 seeds per arm, but 'grpo' has 7",
        ),
        (changed("arms", "sspo", value={"seeds": [0, 1]}), "at least 8 seeds per arm, but 'sspo' has 2"),
        (changed("presets", value={}), "a study requires seeds: write `seeds: 3`, or presets"),
        (changed("seeds", value=3), "a study has both seeds and presets"),
        (changed("arms", "again", "role", value="arm"), "set its role to aa"),
        (changed("arms", "sspo", value={"role": "aa"}), "set copy_of to the arm that it repeats"),
        # paper's seeds 0..7 moved by 7 are 7..14: seed 7 is in both, while smoke and default share none
        (changed("arms", "again", "seed_offset", value=7), "both run seed 7 in presets.paper"),
        (
            changed("primary", value={"mode": "greedy", "temperature": 1.0}),
            "greedy decoding must be 0, got 1",
        ),
        (changed("primary", value={"mode": "sampled", "temperature": 0.0}), "a number above 0, got 0"),
        (changed("primary", value={"temperature": float("nan")}), "a number above 0, got nan"),
        (changed("gates", value={"base_max": 60.0}), "gates.base_max is a share"),
        (changed("gates", value={"no_clip_margin": -0.1}), "gates.no_clip_margin is a share"),
        (changed("gates", value={"token_clip_min": float("nan")}), "gates.token_clip_min is a share"),
        (
            changed("gates", value={"floor": 0.5, "ceiling": 0.5}),
            "gates.ceiling=0.5 must be above gates.floor=0.5",
        ),
        (
            changed("gates", value={"min_tokens": -1}),
            "gates.min_tokens must be a number of at least 0, got -1",
        ),
        (
            changed("gates", value={"min_cv": float("inf")}),
            "gates.min_cv must be a number of at least 0, got inf",
        ),
        (changed("replay", value={"arm": ["sspo"]}), "did you mean 'replay.arms'"),
        (changed("replay", value={"arms": ["sspoo"]}), "did you mean 'sspo'"),
        (changed("replay", value={"arms": ["again"]}), "'again' is a copy of 'grpo'; name that arm instead"),
        (
            changed("replay", value={"arms": ["sspo", "sspo"]}),
            "replay.arms must name each of its entries once",
        ),
        (changed("replay", value={"seeds": 0}), "replay.seeds must be at least 1, got 0"),
        (changed("replay", value={"every": 0}), "replay.every must be at least 1, got 0"),
        (changed("replay", value={"rules": ["subsentense"]}), "did you mean 'subsentence'"),
        (changed("replay", value={"rules": []}), "replay.rules must name at least one"),
        (changed("replay", value={"clip": "1:1e-4:log40"}), "replay.clip=1:1e-4:log40: a range must ascend"),
        (changed("replay", value={"targets": [0.5]}), "a share between 0 and 0.5, because about half"),
        (changed("replay", value={"targets": [float("nan")]}), "got nan"),
        (changed("replay", value={"objective": ["seed=3"]}), "'seed=3' is neither objective=NAME"),
        (changed("replay", value={"objective": ["objective.clip.low=0.1"]}), "and replay.clip"),
        (
            changed("arms", "sspo", value={"overrides": ["trainer.record=3"]}),
            "use seeds, resources, replay and",
        ),
        (changed("arms", "sspo", value={"target_clip_frac": 0.7}), "arms.sspo.target_clip_frac: a clip"),
        (
            changed("arms", "sspo", value={"target_clip_frac": 0.1, "role": "base"}),
            "an arm of role base never clips",
        ),
        (changed("arms", "again", "target_clip_frac", value=0.1), "uses its target_clip_frac"),
    ],
)
def test_a_spec_that_makes_no_sense_is_refused_in_one_sentence(spec: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError) as refusal:
        parse("small", spec)
    assert said in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("of_arm", ["experiment=quick", "+experiment=quick"])
def test_an_arm_s_experiment_does_not_take_the_place_of_its_preset_s(of_arm: str) -> None:
    spec = changed("arms", "sspo", value={"overrides": [of_arm]})
    assert parse("small", spec).arms["sspo"].overrides == (of_arm,)
    spec["presets"]["smoke"]["overrides"] = ["experiment=quick"]
    assert parse("small", spec).presets["smoke"].overrides == ("experiment=quick",)
    spec["presets"]["smoke"]["overrides"] = ["trainer.rollouts=3", "experiment=fast"]
    with pytest.raises(
        UserError,
        match=r"^arms\.sspo has experiment=quick and presets\.smoke has experiment=fast, but a run has only one",
    ):
        parse("small", spec)


@pytest.mark.parametrize(
    ("written", "temperature"),
    [
        ({"mode": "greedy"}, 0.0),
        ({"mode": "greedy", "temperature": 0}, 0.0),
        ({"mode": "sampled"}, 1.0),
        ({"temperature": 0.5}, 0.5),
    ],
)
def test_a_greedy_primary_has_temperature_zero_without_saying_so(
    written: dict[str, Any], temperature: float
) -> None:
    assert parse("small", changed("primary", value=written)).head.primary.temperature == temperature


def test_gates_may_lie_on_their_limits_and_an_untrained_base_needs_one_seed() -> None:
    spec = changed("gates", value={"base_max": 1.0, "floor": 0.0, "ceiling": 1.0, "min_cv": 0})
    spec["arms"]["base"] = {"role": "base", "seeds": [0]}
    assert parse("small", spec).head.gates.ceiling == 1.0


def test_an_arm_that_is_written_twice_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "twice.yaml").write_text("baseline: a\narms:\n  a: {}\n  a: {label: other}\npresets: {}\n")
    with pytest.raises(UserError, match=r"'a' is given twice, again at line 4"):
        load(tmp_path, "twice")


def test_a_file_that_is_no_yaml_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "torn.yaml").write_text("title: x\narms: [\n")
    with pytest.raises(UserError, match=r"torn\.yaml is not valid YAML at line 3"):
        load(tmp_path, "torn")


def test_the_hash_of_a_spec_follows_its_meaning_and_not_its_layout() -> None:
    spelled_out = {
        **changed("test", value="welch"),
        "smallest_effect": 0.02,
        "looks": [],
        "replay": {"law": False},
    }
    assert parse("small", spelled_out).sha256() == parse("small", GOOD).sha256()
    for key, value in (
        ("test", "paired"),
        ("smallest_effect", 0.03),
        ("looks", [4]),
        ("replay", {"law": True}),
    ):
        assert parse("small", changed(key, value=value)).sha256() != parse("small", GOOD).sha256()


NAMES = ["x=1", "a,b", "it's", "{a}", "${oc.env:HOME}", "сетка", "a b", "~a", "-a"]


@pytest.mark.parametrize("name", NAMES)
def test_a_file_whose_name_is_grammar_to_hydra_is_refused_by_name(name: str, tmp_path: Path) -> None:
    (tmp_path / f"{name}.yaml").write_text("arms: {}")
    assert study_names(tmp_path) == []
    with pytest.raises(UserError, match="the file name of a study must be English letters, digits"):
        load(tmp_path, name)


def test_what_an_editor_leaves_beside_studies_is_no_study(tmp_path: Path) -> None:
    (tmp_path / ".#mine.yaml").symlink_to("user@host.1234")
    (tmp_path / ".mine.yaml").touch()
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "mine.yaml").touch()
    assert study_names(tmp_path) == ["mine"]


LITERAL = [
    *NAMES,
    "null",
    "TRUE",
    "nan",
    "1",
    "a'b\\",
    "\\'x",
    "a\\\\${b}'",
    "C:\\dir\\",
    "[x]",
    "",
    "plain/path.x-y",
]


@pytest.mark.parametrize("name", LITERAL)
def test_a_trial_is_told_every_name_as_it_is(name: str, tmp_path: Path) -> None:
    store = Path(f"/stores/{name}")
    trial = Trial(arm=name, seed=0, overrides=(), rollouts=1, store=store, cell="c")
    words = train_command(name)(trial)[3:]
    run = quick_compose([word for word in words if not word.startswith("run.epoch")]).run
    assert (run.study, run.arm, run.store) == (name, name, str(store))


@pytest.mark.parametrize("where", ["study", "search", "claims"])
def test_bytes_that_are_no_text_are_one_sentence_wherever_specs_are_read(where: str, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_bytes(b"title: t\n# caf\xe9\n")
    readers = {
        "study": load,
        "search": load_search,
        "claims": lambda folder, name: load_claims(folder / f"{name}.yaml"),
    }
    with pytest.raises(UserError, match=r"mine.yaml is not UTF-8 at line 2 \(byte 0xe9\)"):
        readers[where](tmp_path, "mine")


def test_what_an_engine_of_the_rollout_is_told_may_stand_in_a_spec() -> None:
    words = ["rollout=vllm", "run.cache_gb=2", "run.prompt_tokens=64", "run.parity=0.1", "run.silence=60"]
    study = parse("x", changed("arms", "sspo", value={"overrides": words}))
    assert list(study.arms["sspo"].overrides) == words
