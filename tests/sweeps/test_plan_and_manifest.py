"""Plans of the real clip_ablation study, and the manifest that analysis reads."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from rich.console import Console

from sspo.compose.fast import quick_compose
from sspo.config.places import CONF_ROOT
from sspo.errors import UserError
from sspo.runs.identity import cell_hash
from sweeps.monitor.show import show_arm
from sweeps.plan.manifest import manifest_path, write_manifest
from sweeps.plan.plan import Plan, make_plan
from sweeps.plan.power import preview
from sweeps.study.load import load, parse
from sweeps.workers.worker import quoted

PRESETS = {"smoke": {"seeds": [0]}, "default": {"seeds": [0, 1]}, "paper": {"seeds": list(range(8))}}


def clip_ablation(preset: str, store: Path = Path("runs")) -> Plan:
    return make_plan(load(CONF_ROOT / "study", "clip_ablation"), preset, store)


@pytest.mark.parametrize(
    ("preset", "arms", "cells", "trials"),
    [
        ("smoke", 3, 3, 3),  # base, grpo, sspo with one seed each
        ("default", 10, 9, 28),  # 9 trained arms x 3 seeds + 1 base; the A/A arm shares GRPO's cell
        ("paper", 10, 9, 73),  # 9 x 8 + 1
    ],
)
def test_clip_ablation_has_the_cells_and_trials_that_its_spec_says(
    preset: str, arms: int, cells: int, trials: int
) -> None:
    plan = clip_ablation(preset)
    assert len(plan.arms) == arms
    assert len({arm.cell for arm in plan.arms}) == cells
    assert len({trial.folder for trial in plan.trials()}) == trials


def test_trials_run_seed_by_seed_with_the_base_first() -> None:
    trials = clip_ablation("default").trials()
    assert (trials[0].arm, trials[0].seed) == ("base", 0)
    assert [trial.seed % 100 for trial in trials] == [0] * 10 + [1] * 9 + [
        2
    ] * 9  # the A/A seeds are 100, 101, 102


def test_an_arms_own_difference_beats_the_presets() -> None:
    smoke = clip_ablation("smoke")
    assert smoke.arm("base").rollouts == 0
    assert smoke.arm("grpo").rollouts == 3


def test_the_manifest_holds_what_analysis_needs_and_is_not_rewritten_in_vain(tmp_path: Path) -> None:
    plan = clip_ablation("paper", tmp_path)
    write_manifest(plan)
    path = manifest_path(plan)
    assert path == tmp_path / "studies" / "clip_ablation.paper.json"
    manifest = json.loads(path.read_text())
    assert (manifest["study"], manifest["preset"], manifest["baseline"]) == ("clip_ablation", "paper", "grpo")
    assert manifest["primary"] == {"mode": "sampled", "temperature": 1.0}
    assert manifest["gates"].items() >= {"token_arm": "grpo", "base_max": 0.6, "floor": 0.05}.items()
    arms = {arm["name"]: arm for arm in manifest["arms"]}
    assert arms["grpo_aa"] == {
        "name": "grpo_aa",
        "label": "GRPO .2 (A/A)",
        "role": "aa",
        "cell": arms["grpo"]["cell"],
        "seeds": list(range(100, 108)),
        "overrides": ["objective=grpo"],
        "copy_of": "grpo",
        "against": None,
        "target_clip_frac": None,
        "factors": {},
    }
    before = path.stat().st_mtime_ns
    write_manifest(plan)
    assert path.stat().st_mtime_ns == before


def test_two_arms_that_are_one_run_are_refused_by_both_names() -> None:
    arms = {
        "one": {"overrides": ["objective=sspo"]},
        "two": {"overrides": ["objective.name=sspo", "objective=sspo"]},
    }
    study = parse("twins", {"baseline": "one", "arms": arms, "presets": PRESETS})
    with pytest.raises(UserError, match="arms 'one' and 'two' are the same run"):
        make_plan(study, "default", Path("runs"))


def test_a_bad_override_names_its_arm() -> None:
    study = parse(
        "bad",
        {
            "baseline": "one",
            "arms": {"one": {"overrides": ["objective=ssppo"]}},
            "presets": PRESETS,
        },
    )
    with pytest.raises(UserError, match=r"arm 'one'.*did you mean 'sspo'"):
        make_plan(study, "default", Path("runs"))


def measured_at(primary: dict[str, object]) -> Plan:
    arms = {
        "base": {"role": "base", "seeds": [0], "overrides": ["evaluation.temperatures=[0.5]"]},
        "one": {"overrides": ["evaluation.temperatures=[1.0,0.7]"]},
        "two": {"overrides": ["objective=sspo"]},
    }
    spec = {"baseline": "one", "primary": primary, "arms": arms, "presets": PRESETS}
    return make_plan(parse("cold", spec), "default", Path("runs"))


def test_a_primary_score_that_an_arm_does_not_measure_is_refused() -> None:
    with pytest.raises(UserError, match=r"arm 'two': primary.temperature is 0.7, but .* holds only 1;"):
        measured_at({"temperature": 0.7})
    # 1.0 is measured by both trained arms, greedy always; the base is not compared and may lack it
    assert len(measured_at({"temperature": 1.0}).arms) == 3
    assert len(measured_at({"mode": "greedy"}).arms) == 3


def test_an_unknown_preset_names_the_nearest() -> None:
    with pytest.raises(UserError, match="did you mean 'smoke'"):
        clip_ablation("smok")


def test_the_command_that_show_prints_composes_to_the_arms_cell() -> None:
    plan = clip_ablation("default")
    console = Console(width=400)
    with console.capture() as printed:
        show_arm(plan, "base", console)
    words = shlex.split(printed.get().splitlines()[0])
    assert words[:3] == ["python", "-m", "sspo.train"]
    assert cell_hash(quick_compose(words[3:])) == plan.arm("base").cell


@pytest.mark.parametrize(
    ("preset", "recorded"),
    [
        ("smoke", ["grpo 0", "sspo 0"]),  # the preset has no gspo_scaled and a single seed
        ("default", [f"{arm} {seed}" for arm in ("grpo", "gspo_scaled", "sspo") for seed in range(3)]),
        ("paper", [f"{arm} {seed}" for arm in ("grpo", "gspo_scaled", "sspo") for seed in range(3)]),
    ],
)
def test_a_sweep_records_the_first_seeds_of_the_replays_arms_and_stays_in_the_same_cells(
    preset: str, recorded: list[str]
) -> None:
    plan = clip_ablation(preset)
    assert [f"{trial.arm} {trial.seed}" for trial in plan.recorded_trials()] == recorded
    recording = [trial for trial in plan.trials() if "trainer.record=2" in trial.overrides]
    assert sorted(f"{trial.arm} {trial.seed}" for trial in recording) == recorded
    assert {cell_hash(quick_compose(trial.overrides)) for trial in recording} == {
        trial.cell for trial in recording
    }


def test_what_show_prints_records_nothing() -> None:
    console = Console(width=400)
    with console.capture() as printed:
        show_arm(clip_ablation("default"), "grpo", console)
    assert "trainer.record" not in printed.get()


def test_the_baseline_is_recorded_where_a_preset_runs_no_arm_of_the_replay() -> None:
    arms = {"one": {"overrides": ["objective=grpo"]}, "two": {"overrides": ["objective=sspo"]}}
    presets = {**PRESETS, "smoke": {"seeds": [4, 5], "arms": ["one"]}}
    study = parse(
        "small",
        {"baseline": "one", "arms": arms, "presets": presets, "replay": {"arms": ["two"], "every": 3}},
    )
    smoke, default = (make_plan(study, preset, Path("runs")) for preset in ("smoke", "default"))
    assert [(trial.arm, trial.seed) for trial in smoke.recorded_trials()] == [("one", 4)]
    assert [(trial.arm, trial.seed) for trial in default.recorded_trials()] == [("two", 0)]
    assert "trainer.record=3" in smoke.recorded_trials()[0].overrides


def test_a_bad_objective_of_the_replay_is_refused_before_anything_trains() -> None:
    spec = {"baseline": "one", "arms": {"one": None}, "presets": PRESETS}
    study = parse("bad", {**spec, "replay": {"objective": ["objective=ssppo"]}})
    with pytest.raises(UserError, match=r"bad, replay\.objective: .*did you mean 'sspo'"):
        make_plan(study, "default", Path("runs"))


def matched(**arms: dict[str, object]) -> dict[str, float | None]:
    plan = make_plan(
        parse("matched", {"baseline": "one", "arms": {"one": None, **arms}, "presets": PRESETS}),
        "default",
        Path("runs"),
    )
    return {arm.name: arm.target_clip_frac for arm in plan.arms}


CONTROLLED = ["objective.bounds.target_clip_frac=0.02"]


def test_an_arm_is_matched_to_what_its_controller_holds_or_its_spec_declares() -> None:
    declared: dict[str, object] = {"overrides": ["objective=grpo"], "target_clip_frac": 0.05}
    copy: dict[str, object] = {"role": "aa", "copy_of": "declared", "seed_offset": 9}
    assert matched(held={"overrides": CONTROLLED}, declared=declared, copy=copy) == {
        "one": None,
        "held": 0.02,
        "declared": 0.05,
        "copy": 0.05,
    }
    assert matched(both={"overrides": CONTROLLED, "target_clip_frac": 0.02})["both"] == 0.02


def test_a_declared_target_that_the_controller_does_not_hold_is_refused() -> None:
    with pytest.raises(
        UserError, match=r"arm 'both': target_clip_frac is 0.05, but .* holds the arm at 0.02"
    ):
        matched(both={"overrides": CONTROLLED, "target_clip_frac": 0.05})


def test_an_arm_without_a_clip_is_matched_to_nothing() -> None:
    with pytest.raises(
        UserError, match=r"arm 'free': target_clip_frac is 0.05, but no bound of term 'unclipped'"
    ):
        matched(free={"overrides": ["objective=no_clip"], "target_clip_frac": 0.05})


def test_the_plan_says_what_three_seeds_cannot_show() -> None:
    text = "\n".join(preview(clip_ablation("default")))
    assert "0.05/7 = 0.0071" in text  # ten arms less base, baseline and A/A
    assert "fewer than 4 seeds per arm" in text


@pytest.mark.parametrize("store", ["runs", "a b/c", "it's, 1=2", "null "])
def test_a_store_of_any_name_survives_hydras_grammar(store: str) -> None:
    assert quick_compose([f"run.store={quoted(store)}"]).run.store == store
