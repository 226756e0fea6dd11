"""An exported sweep: W&B's agents start exactly the planned trials, and each is the study's run."""

from __future__ import annotations

import io
import json
from collections import Counter
from pathlib import Path

import pytest
import yaml
from rich.console import Console
from tiny_runs import TINY, markers
from wandb_agents import commands, grid

from sspo.compose.fast import quick_compose
from sspo.config.places import CONF_ROOT
from sspo.errors import UserError
from sspo.runs.identity import run_folder
from sweeps.__main__ import _arguments
from sweeps.__main__ import main as sweeps
from sweeps.control.sweep import RunOptions
from sweeps.find_study import find_study
from sweeps.integrations.multirun_study import study_of
from sweeps.integrations.recipes import Recipe, keep
from sweeps.integrations.trial import find_trial, run_trial
from sweeps.integrations.wandb_sweep import export_sweep
from sweeps.plan.plan import Plan, make_plan
from sweeps.study.load import load, parse
from sweeps.study.spec import DEFAULT_PRESET
from sweeps.workers.worker import train_command
from tests.console import run_here

SILENT = Console(file=io.StringIO())


def exported(plan: Plan, path: Path) -> dict:
    assert export_sweep(plan, path, SILENT) == 0
    return yaml.safe_load(path.read_text())


@pytest.mark.parametrize(("preset", "count"), [("paper", 73), ("smoke", 3)])
def test_agents_start_every_planned_trial_once_and_nothing_else(
    preset: str, count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # paper: eight seeds of nine arms and one of the untrained base, which no grid of arms and seeds can express
    plan = make_plan(load(CONF_ROOT / "study", "clip_ablation"), preset, tmp_path / "my runs")
    sweep = exported(plan, tmp_path / "sweep.yaml")
    started, plans = Counter(), {}
    for words in commands(sweep, grid(sweep), tmp_path, monkeypatch):
        assert words[:4] == ["/usr/bin/env", "python", "-m", "sweeps"]
        said = _arguments(words[4:])
        named = (said.name, said.preset, said.store)
        if named not in plans:
            plans[named] = make_plan(find_study(said.name, said.store), said.preset, said.store)
        again = plans[named]
        trial = find_trial(again, said.trial)
        if trial.seed == again.arm(trial.arm).seeds[0]:
            config = quick_compose(train_command(again.study.name)(trial)[3:])  # the trainer's own overrides
            assert run_folder(config) == trial.folder
        started[trial.folder] += 1
    assert started == Counter(trial.folder for trial in plan.trials())
    assert (len(started), set(started.values())) == (count, {1})


def test_agents_start_trials_of_a_study_whose_backends_differ(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = make_plan(load(CONF_ROOT / "study", "backends"), "smoke", tmp_path / "runs")
    sweep = exported(plan, tmp_path / "sweep.yaml")
    asked = [_arguments(words[4:]).trial for words in commands(sweep, grid(sweep), tmp_path, monkeypatch)]
    started = [find_trial(plan, trial) for trial in asked]
    assert sorted((trial.arm, trial.backend) for trial in started) == [
        ("base", "sspo"),
        ("sspo", "sspo"),
        ("trl", "trl"),
    ]
    (other,) = (trial for trial in started if trial.backend == "trl")
    config = quick_compose(train_command(plan.study.name)(other)[3:])
    assert (config.trainer.backend, run_folder(config)) == ("trl", other.folder)


@pytest.mark.acceptance
def test_a_command_of_an_agent_trains_its_trial_and_a_second_one_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "runs"
    recipe = Recipe(words=("objective=grpo,sspo", "seed=0,1", *TINY[:-1], "tracking=wandb_offline"))
    keep(recipe, "grid", store)
    plan = make_plan(study_of(recipe, "grid"), DEFAULT_PRESET, store)
    sweep = exported(plan, tmp_path / "sweep.yaml")
    words = commands(sweep, grid(sweep), tmp_path, monkeypatch)[3]
    without_account = [word.replace("wandb_online", "none") for word in words[3:]]
    assert without_account[0] == "sweeps"
    first = run_here(sweeps, *without_account[1:])
    assert (first.returncode, first.stderr) == (0, "")
    finished = markers(store)
    assert list(finished) == [f"{plan.arm('sspo').cell}/seed1"]
    assert not list(store.rglob("wandb"))
    assert run_here(sweeps, *without_account[1:]).returncode == 0
    assert markers(store) == finished


LIMITED = {
    "baseline": "grpo",
    "resources": {"threads": 1, "timeout": 1},
    "arms": {
        "grpo": {"overrides": ["objective=grpo"]},
        "wide": {
            "overrides": ["objective=sspo"],
            "resources": {"gpus": 2, "memory_gb": 80, "timeout": 86400},
        },
    },
    "presets": {
        name: {"seeds": list(range(seeds)), "overrides": [*TINY[:-1], "tracking=none"]}
        for name, seeds in (("smoke", 1), ("default", 2), ("paper", 8))
    },
}


def test_the_file_says_what_a_trial_takes_and_how_an_agent_is_given_it(tmp_path: Path) -> None:
    plan = make_plan(parse("limited", LIMITED), "smoke", tmp_path)
    path = tmp_path / "sweep.yaml"
    content, head = exported(plan, path), path.read_text().partition("program:")[0]
    first = "grpo: 1 processor, a CUDA device if there is one, any memory, at most 1 s per attempt"
    wide = "wide: 1 processor, 2 CUDA devices, at most 80 GB of memory, at most 86400 s per attempt"
    assert content["description"] == f"{first}; {wide}"
    assert all(line.startswith("#") for line in head.splitlines())
    assert f"#   {first}\n#   {wide}\n" in head
    assert 'CUDA_VISIBLE_DEVICES=0,1 PATH="$PWD/.venv/bin:$PATH" wandb agent' in head


def test_a_trial_on_a_cluster_of_its_own_takes_no_device_of_the_agent(tmp_path: Path) -> None:
    words = [
        "trainer.backend=verl",
        "rollout=vllm",
        "run.ray_address=http://head:8265",
        "trainer.minibatch=32",
    ]
    arms = {"grpo": {"overrides": words, "resources": {"gpus": 4, "nodes": 2}}}
    path = tmp_path / "sweep.yaml"
    exported(
        make_plan(parse("wide", {"baseline": "grpo", "arms": arms, "seeds": 1}), "default", tmp_path), path
    )
    head = path.read_text().partition("program:")[0]
    assert (
        "1 processor, 4 CUDA devices on each of 2 nodes of the Ray cluster at http://head:8265, any memory"
        in head
    )
    assert '#   PATH="$PWD/.venv/bin:$PATH" wandb agent' in head


@pytest.mark.acceptance
def test_a_trial_of_an_agent_is_held_to_what_its_study_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    plan = make_plan(parse("limited", LIMITED), "smoke", tmp_path / "runs")
    with pytest.raises(UserError, match="arm 'wide' requires 2 CUDA devices per trial"):
        run_trial(plan, "trial=wide:0", "none", RunOptions(), SILENT)
    assert run_trial(plan, "trial=grpo:0", "none", RunOptions(), SILENT) == 1
    (failed,) = (tmp_path / "runs").rglob("FAILED.json")
    assert json.loads(failed.read_text())["reason"] == "timeout"


@pytest.mark.parametrize(
    ("word", "wanted"),
    [
        ("trial=gspo:0", "unknown arm of clip_ablation (smoke) 'gspo': did you mean 'sspo'"),
        ("trial=grpo:7", "arm 'grpo' of clip_ablation (smoke) has no seed 7; its seeds are 0"),
        ("trial=grpo:0:0123456789ab", "not 0123456789ab: export the sweep again"),
        ("arm=grpo", "'arm=grpo' is not a valid trial; write arm:seed, as in trial=base:0"),
    ],
)
def test_a_name_that_is_no_trial_or_means_another_cell_by_now_is_one_sentence(word: str, wanted: str) -> None:
    plan = make_plan(load(CONF_ROOT / "study", "clip_ablation"), "smoke", Path("runs"))
    with pytest.raises(UserError) as caught:
        find_trial(plan, word)
    assert wanted in str(caught.value)


def test_an_unwritable_place_is_one_sentence(tmp_path: Path) -> None:
    plan = make_plan(load(CONF_ROOT / "study", "clip_ablation"), "smoke", tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot write .*: .*; fix that, or name another file with --out"):
        export_sweep(plan, tmp_path / "file" / "sweep.yaml", SILENT)
