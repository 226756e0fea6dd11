"""Studies whose arms train under different backends: as arms, as a factor, in searches, and in an environment that lacks one."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from sspo.compose.fast import quick_compose
from sspo.config import compatibility
from sspo.config.places import CONF_ROOT
from sspo.errors import UserError
from sweeps.control.sweep import RunOptions, run_sweep
from sweeps.monitor.plan_view import show_plan
from sweeps.plan.plan import Plan, make_plan
from sweeps.plan.workload import workload
from sweeps.search.corners import check_corners
from sweeps.search.load import parse as parse_search
from sweeps.study.load import load, parse
from tests.tiny_models import save

PRESETS = {"smoke": {"seeds": 1}, "default": {"seeds": 2}, "paper": {"seeds": 8}}
BACKEND = {"levels": {"ours": None, "trl": "trainer.backend=trl"}}
OBJECTIVE = {"levels": {"grpo": "objective=grpo", "sspo": "objective=sspo"}}
SENTENCE = "arm 'trl': trainer.backend=trl requires TRL 1.16, and this environment has none: run `make setup-trl`, then"


def plan(store: Path, arms: dict[str, Any]) -> Plan:
    head = {"baseline": "sspo", "arms": {name: {"overrides": words} for name, words in arms.items()}}
    return make_plan(parse("both", {**head, "presets": PRESETS}), "default", store)


def shown(made: Plan) -> str:
    console = Console(width=250, file=io.StringIO())
    assert show_plan(made, 1, console) == 0
    return str(console.file.getvalue())  # type: ignore[attr-defined]


@pytest.fixture
def trl(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Set the version of TRL that the environment has; an empty one is none."""

    def found(version: str) -> None:
        def of(name: str) -> str:
            if not version:
                raise compatibility.PackageNotFoundError(name)
            return version

        monkeypatch.setattr(compatibility, "version", of)

    return found


def test_the_study_of_backends_differs_in_nothing_else() -> None:
    made = make_plan(load(CONF_ROOT / "study", "backends"), "default", Path("runs"))
    own, other, copy, across = (made.arm(name) for name in ("sspo", "trl", "sspo_aa", "trl_aa"))
    assert other.overrides == (*own.overrides, "trainer.backend=trl")
    assert (own.cell, own.level) == (copy.cell, other.level)
    assert own.cell != other.cell
    assert (across.cell, across.copy_of) == (other.cell, "sspo"), (
        "an A/A across backends repeats ours in the other"
    )
    assert not set(own.seeds) & {*copy.seeds, *across.seeds}
    assert {trial.arm: trial.backend for trial in made.trials()} == {
        "base": "sspo",
        "sspo": "sspo",
        "trl": "trl",
        "sspo_aa": "sspo",
        "trl_aa": "trl",
    }


def test_a_copy_may_change_its_backend_and_nothing_else() -> None:
    arms = {
        "sspo": {},
        "again": {"role": "aa", "copy_of": "sspo", "seed_offset": 50, "overrides": ["trainer.lr=1e-3"]},
    }
    with pytest.raises(
        UserError, match=r"leave out its own trainer.lr=1e-3: a copy may only set trainer.backend"
    ):
        parse("both", {"baseline": "sspo", "arms": arms, "presets": PRESETS})


def test_a_backend_may_be_a_factor_of_a_design() -> None:
    spec = {
        "baseline": "ours_grpo",
        "factors": {"backend": BACKEND, "objective": OBJECTIVE},
        "design": {"kind": "factorial"},
        "presets": PRESETS,
    }
    made = make_plan(parse("crossed", spec), "smoke", Path("runs"))
    found = {
        arm.name: (arm.factors["backend"], arm.config.trainer.backend, arm.config.objective.name)
        for arm in made.arms
    }
    assert found == {
        "ours_grpo": ("ours", "sspo", "grpo"),
        "ours_sspo": ("ours", "sspo", "sspo"),
        "trl_grpo": ("trl", "trl", "grpo"),
        "trl_sspo": ("trl", "trl", "sspo"),
    }
    assert len({arm.cell for arm in made.arms}) == 4


def test_an_arm_that_its_backend_cannot_train_is_refused_with_the_plan() -> None:
    with pytest.raises(
        UserError, match=r"both, arm 'trl': trainer\.backend=trl does not support rollout\.resample=2 \("
    ):
        plan(Path("runs"), {"sspo": [], "trl": ["trainer.backend=trl", "rollout.resample=2"]})


def test_a_study_without_its_backend_is_refused_before_any_work(tmp_path: Path, trl: Any) -> None:
    made = plan(tmp_path / "runs", {"sspo": [], "trl": ["trainer.backend=trl"]})
    trl("")
    with pytest.raises(UserError) as caught:
        run_sweep(made, RunOptions(), Console(file=io.StringIO()))
    assert str(caught.value).startswith(SENTENCE)
    with pytest.raises(UserError, match="arm 'trl': "):
        shown(made)
    assert not (tmp_path / "runs").exists()
    space = {"trainer.backend": {"choices": ["sspo", "trl"]}}
    search = parse_search("probe", {"space": space, "presets": {"default": {}}})
    with pytest.raises(UserError, match=r"probe: trainer\.backend=trl requires TRL 1\.16"):
        check_corners(search, "default")
    trl("1.16.0")
    check_corners(search, "default")
    assert "4 trials: 0 done" in shown(made)


def test_an_arm_of_trl_may_not_spread_over_devices_even_with_vllm(tmp_path: Path, trl: Any) -> None:
    trl("1.16.0")
    arms = {
        "sspo": {},
        "trl": {"overrides": ["trainer.backend=trl", "rollout=vllm"], "resources": {"gpus": 2}},
    }
    spec = {"baseline": "sspo", "arms": arms, "presets": PRESETS}
    with pytest.raises(
        UserError, match=r"'trl' requires 2 CUDA devices per trial, and trainer\.backend=trl trains on one"
    ):
        shown(make_plan(parse("both", spec), "default", tmp_path))


def test_trials_of_one_backend_say_nothing_of_the_time_of_another() -> None:
    assert workload({"trainer": {"backend": "sspo"}}) == workload({"trainer": {}}) == workload({})
    assert workload({"trainer": {"backend": "trl"}}) != workload({})


def test_a_plan_says_which_arms_of_a_real_model_the_cost_model_leaves_out(tmp_path: Path, trl: Any) -> None:
    trl("1.16.0")
    model = [f"model.path={save(tmp_path / 'm', 'llama')}", "prompt=chat", "reward=boxed_format"]
    text = shown(plan(tmp_path / "runs", {"sspo": model, "trl": [*model, "trainer.backend=trl"]}))
    line = (
        "no estimate of memory for trl: the cost model counts our own trainer's work, and another backend trains them; their time is "
        "estimated from finished trials"
    )
    assert line in text
    assert (
        "no time estimate for 2 trials, because none of their cell or size has finished in this store: trl"
        in text
    )
    only = shown(plan(tmp_path / "runs", {"sspo": [], "trl": ["trainer.backend=trl"]}))
    assert "no estimate of memory" not in only  # nor is there one for our own trainer


def test_the_untrained_base_of_a_preset_of_trl_is_scored_by_our_own_code(tmp_path: Path, trl: Any) -> None:
    trl("")
    made = plan(tmp_path / "runs", {"sspo": ["trainer.backend=trl", "trainer.rollouts=0"]})
    assert {trial.backend for trial in made.trials()} == {"sspo"}
    assert quick_compose(made.arm("sspo").overrides).trainer.backend == "trl"
    assert "2 trials: 0 done" in shown(made)
