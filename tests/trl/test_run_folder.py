"""The run folder of a TRL user's own trainer: what it holds, who reads it, and what happens when training stops and resumes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback

from analysis.importers.logged import ENDED
from analysis.importers.read import read
from sspo.errors import UserError
from sspo.integrations.trl import SSPOConfig, SSPOTrainer
from sspo.recording.file import read_recorded
from sspo.replay.fidelity import agreement
from sspo.replay.source import open_run
from sspo.trainer.optim import Diverged
from sspo.types import UNGRADED
from tests.trainer.runs import lines
from tests.trl.observed import FOLDER, QUESTIONS

OF_FOLDER = {"overrides": ["objective.bounds.target_clip_frac=0.05"], "record": 2}


def digits(completions, **_):
    """Reward a response by its digits."""
    return [float(sum(character.isdigit() for character in text)) for text in completions]


def start(place: Path, *, reward=digits, callbacks=(), questions=QUESTIONS, **options) -> SSPOTrainer:
    """Return a trainer of four rollouts of two steps."""
    args = SSPOConfig(
        output_dir=str(place / "trl"),
        per_device_train_batch_size=4,
        gradient_accumulation_steps=2,
        steps_per_generation=4,
        num_generations=4,
        max_completion_length=48,
        **(
            OF_FOLDER
            | {"run_folder": str(place / "run"), "save_steps": 3, "max_steps": 8, "learning_rate": 3e-4}
            | options
        ),
        report_to=[],
        use_cpu=True,
        bf16=False,
        activation_checkpointing=False,
        disable_tqdm=True,
    )
    return SSPOTrainer(
        model=AutoModelForCausalLM.from_pretrained(FOLDER, trust_remote_code=False),
        processing_class=AutoTokenizer.from_pretrained(FOLDER, trust_remote_code=False),
        reward_funcs=reward,
        args=args,
        train_dataset=Dataset.from_dict({"prompt": questions}),
        callbacks=list(callbacks),
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("whole")
    start(place).train()
    return place


class Breaks(TrainerCallback):
    """An error of somebody else's code after a step."""

    def __init__(self, step: int):
        self.step = step

    def on_step_end(self, args, state, control, **_):
        if state.global_step == self.step:
            raise RuntimeError("no network")


def test_a_run_resumes_under_the_options_that_it_began_with(tmp_path):
    with pytest.raises(RuntimeError, match="no network"):
        start(tmp_path, callbacks=[Breaks(5)], save_steps=2).train()
    other = start(tmp_path, save_steps=2, objective="grpo")
    with pytest.raises(
        UserError, match=r"began with objective\.\S+=\S+, and this run has .*another run_folder"
    ):
        other.train(resume_from_checkpoint=True)
    slower = start(tmp_path, save_steps=2, learning_rate=1e-4)
    with pytest.raises(UserError, match=r"began with learning_rate=0.0003, and this run has 0.0001"):
        slower.train(resume_from_checkpoint=True)


def test_it_has_a_line_per_step_and_every_second_rollout(whole):
    rows = lines(whole / "run" / "metrics.jsonl")
    assert [(row["step"], row["rollout"], row["update"]) for row in rows] == [
        (1, 0, 0), (2, 0, 1), (3, 1, 0), (4, 1, 1), (5, 2, 0), (6, 2, 1), (7, 3, 0), (8, 3, 1)
    ]  # fmt: skip
    assert all(("reward/mean" in row) == (row["update"] == 1) for row in rows)
    assert not any("rollout/accuracy" in row for row in rows)  # nobody graded the responses
    names = sorted(path.name for path in (whole / "run" / "recording").iterdir())
    assert names == ["rollout000001.parquet", "rollout000003.parquet"]
    recorded = read_recorded(whole / "run" / "recording" / names[0])
    assert {score.status for score in recorded.scores} == {UNGRADED}
    assert len(set(recorded.problem_ids)) == 4
    done = json.loads((whole / "run" / "DONE.json").read_text())
    assert (done["rollouts"], done["steps"]) == (4, 8)
    assert set(done["logs"]) == {"metrics.jsonl", *(f"recording/{name}" for name in names)}


def test_its_configuration_has_only_what_trl_has(whole):
    config = yaml.safe_load((whole / "run" / "config.yaml").read_text())
    assert set(config) == {"seed", "model", "rollout", "trainer", "segmentation", "objective"}
    assert config["model"] == {"path": str(Path(FOLDER).resolve()), "precision": "float32"}
    assert config["rollout"] == {"prompts": 4, "responses": 4, "max_tokens": 48, "temperature": 1.0}
    assert (config["trainer"]["backend"], config["trainer"]["rollouts"]) == ("trl", 4)
    assert config["objective"]["bounds"]["target_clip_frac"] == 0.05
    environment = json.loads((whole / "run" / "env.json").read_text())
    assert environment["versions"]["trl"].startswith("1.16.")


def test_replay_reproduces_its_log(whole):
    run = open_run(whole / "run")
    found = [agreement(run.read(path), run.config, run.logged_steps()) for path in run.files]
    assert (run.state, [one.holds for one in found]) == ("done", [True, True]), found


def test_an_import_reads_it_as_a_run_that_ended(whole):
    (run,) = read(whole / "run")
    assert (run.source, run.end) == ("sspo", ENDED)


def test_the_controller_moves_the_bounds(whole):
    scales = [row["policy/clip_scale"] for row in lines(whole / "run" / "metrics.jsonl")[1::2]]
    assert scales[0] == 1
    assert len(set(scales)) == 4


def test_a_run_that_broke_amid_a_rollout_resumes_at_its_checkpoint_with_the_logs_of_a_whole_one(
    whole, tmp_path
):
    with pytest.raises(RuntimeError, match="no network"):
        start(tmp_path, callbacks=[Breaks(5)]).train()
    failed = json.loads((tmp_path / "run" / "FAILED.json").read_text())
    assert (failed["reason"], failed["message"]) == ("error", "RuntimeError: no network")
    assert "no network" in failed["log_tail"]
    # save_steps=3 is put off to the end of its rollout
    assert [path.name for path in (tmp_path / "trl").glob("checkpoint-*")] == ["checkpoint-4"]

    start(tmp_path).train(resume_from_checkpoint=True)
    assert not (tmp_path / "run" / "FAILED.json").exists()
    for name in ("metrics.jsonl", "recording/rollout000001.parquet", "recording/rollout000003.parquet"):
        assert (tmp_path / "run" / name).read_bytes() == (whole / "run" / name).read_bytes(), name
    earlier = json.loads((tmp_path / "run" / "env.json").read_text())["earlier"]
    assert len(earlier) == 1


def test_a_gradient_that_is_not_finite_ends_the_run_as_diverged(tmp_path):
    trainer = start(tmp_path, reward=lambda completions, **_: [float("inf"), *[0.0] * (len(completions) - 1)])
    with pytest.raises(Diverged, match="optimizer step"):
        trainer.train()
    failed = json.loads((tmp_path / "run" / "FAILED.json").read_text())
    assert failed["reason"] == "diverged"


def test_logs_that_a_run_would_overwrite_are_refused(whole, tmp_path):
    with pytest.raises(UserError, match="holds a finished run: set another folder"):
        start(whole)
    with pytest.raises(RuntimeError, match="no network"):
        start(tmp_path, callbacks=[Breaks(2)]).train()
    before = (tmp_path / "run" / "metrics.jsonl").read_bytes()
    with pytest.raises(UserError, match="logs of an earlier run: continue it with"):
        start(tmp_path).train()
    assert (tmp_path / "run" / "metrics.jsonl").read_bytes() == before
    assert json.loads((tmp_path / "run" / "FAILED.json").read_text())["reason"] == "error"


def test_a_checkpoint_whose_logs_are_not_there_is_refused(tmp_path):
    with pytest.raises(RuntimeError, match="no network"):
        start(tmp_path, callbacks=[Breaks(5)]).train()
    log = tmp_path / "run" / "metrics.jsonl"
    log.write_bytes(log.read_bytes().replace(b'"step": 1', b'"step": 9'))
    with pytest.raises(
        UserError, match=r"does not fit the checkpoint at optimizer step 4: metrics.jsonl has changed"
    ):
        start(tmp_path).train(resume_from_checkpoint=True)


def test_a_checkpoint_amid_a_rollout_is_refused(tmp_path):
    start(tmp_path, max_steps=3, save_steps=8).train()
    (tmp_path / "run" / "DONE.json").unlink(missing_ok=True)
    with pytest.raises(UserError, match=r"optimizer step 3 is amid a rollout.*multiple of 2 optimizer steps"):
        start(tmp_path).train(resume_from_checkpoint=True)
