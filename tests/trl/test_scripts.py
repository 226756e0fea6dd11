"""What scripts of TRL's do with finished arguments, small datasets and restarts."""

from __future__ import annotations

import dataclasses

import pytest
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer

from sspo.errors import UserError
from sspo.integrations.trl import SSPOConfig, SSPOTrainer
from tests.trl.observed import FOLDER, QUESTIONS
from tests.trl.test_run_folder import digits, start


def again(args):
    """Return another trainer with the same arguments."""
    return SSPOTrainer(
        model=AutoModelForCausalLM.from_pretrained(FOLDER, trust_remote_code=False),
        processing_class=AutoTokenizer.from_pretrained(FOLDER, trust_remote_code=False),
        reward_funcs=digits,
        args=args,
        train_dataset=Dataset.from_dict({"prompt": QUESTIONS}),
    )


def test_options_set_on_finished_arguments_count(tmp_path):
    args = start(tmp_path).args
    args.objective, args.seed, args.overrides = "grpo", 99, ["objective.kl.coef=0.1"]
    trainer = again(args)
    assert (trainer.options.objective.name, trainer.options.seed) == ("grpo", 99)
    assert trainer.ref_model is not None
    args.epsilon = 0.3
    with pytest.raises(UserError, match=r"epsilon=0\.3 is TRL's"):
        again(args)


def test_a_share_of_the_steps_as_warm_up_is_written_as_steps(tmp_path):
    start(tmp_path, warmup_steps=0.5, max_steps=4, lr_scheduler_type="constant_with_warmup").train()
    assert "warmup_steps: 2" in (tmp_path / "run" / "config.yaml").read_text()  # half of 4


def test_arguments_with_a_kl_penalty_can_be_copied_with_a_change(tmp_path):
    args = SSPOConfig(
        output_dir=str(tmp_path),
        overrides=["objective.kl.coef=0.1"],
        per_device_train_batch_size=8,
        use_cpu=True,
        bf16=False,
    )
    copy = dataclasses.replace(args, seed=4, generation_batch_size=None)
    assert (copy.options.seed, copy.options.objective.kl.coef) == (4, 0.1)


def test_fewer_prompts_than_a_rollout_are_refused(tmp_path):
    with pytest.raises(UserError, match="train_dataset has 3 prompts and a rollout takes 4"):
        start(tmp_path, questions=QUESTIONS[:3])  # 4 rows * 4 steps / groups of 4 = 4 prompts


def test_a_run_resumes_amid_its_second_epoch_with_the_prompts_it_had_not_seen(tmp_path):
    options = {"questions": QUESTIONS[:9], "max_steps": -1, "num_train_epochs": 2, "save_steps": 2}
    whole = start(tmp_path, **options)  # an epoch has 2 rollouts of 4 prompts in 2 steps each: 8 steps in all
    whole.train()
    (tmp_path / "run" / "DONE.json").unlink()
    resumed = start(tmp_path, **options)
    resumed.train(resume_from_checkpoint=str(tmp_path / "trl" / "checkpoint-6"))
    assert resumed.current.prompts == whole.current.prompts
    assert resumed.current.steps[-1]["policy/loss"].value() == whole.current.steps[-1]["policy/loss"].value()


@pytest.mark.parametrize("best", [{"load_best_model_at_end": True}, {"save_strategy": "best"}])
def test_a_best_model_amid_a_rollout_is_refused(best, tmp_path):
    options = {"eval_strategy": "steps", "save_steps": 3, "metric_for_best_model": "reward"} | best
    with pytest.raises(UserError, match="eval_steps=3 must be a multiple of the 2 optimizer steps"):
        start(tmp_path, eval_steps=3, **options)


def test_a_rollout_that_begins_before_the_last_one_ended_is_refused(tmp_path):
    trainer = start(tmp_path, run_folder=None, overrides=[], record=0, max_steps=3, save_steps=8)
    trainer.train()
    with pytest.raises(UserError, match="after optimizer step 1, amid a rollout"):
        trainer.train()  # TRL still holds the second step of the last rollout, and samples after it


def test_a_run_folder_of_less_than_a_rollout_is_refused(tmp_path):
    with pytest.raises(UserError, match="ends after 1 of the 2 optimizer steps per rollout"):
        start(tmp_path, max_steps=1).train()
    assert not (tmp_path / "run" / "DONE.json").exists()
