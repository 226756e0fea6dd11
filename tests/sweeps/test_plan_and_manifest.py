"""Plans of the real clip_ablation study, and the manifest that analysis reads."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from rich.console import Console

from sspo.compose import CONF_ROOT, compose
from sspo.errors import UserError
from sspo.identity import cell_hash
from sweeps.manifest import manifest_path, write_manifest
from sweeps.plan import Plan, make_plan
from sweeps.show import show_arm
from sweeps.statistics_preview import preview
from sweeps.study import load, parse
from sweeps.worker import quoted

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
    assert cell_hash(compose(words[3:])) == plan.arm("base").cell


def test_the_plan_says_what_three_seeds_cannot_show() -> None:
    text = "\n".join(preview(clip_ablation("default")))
    assert "0.05/7 = 0.0071" in text  # ten arms less base, baseline and A/A
    assert "give is 0.25: it cannot reach 0.05" in text  # paired, 3 sign flips: 2 / 2**3


@pytest.mark.parametrize("store", ["runs", "a b/c", "it's, 1=2", "null "])
def test_a_store_of_any_name_survives_hydras_grammar(store: str) -> None:
    assert compose([f"run.store={quoted(store)}"]).run.store == store
