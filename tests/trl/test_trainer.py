"""SSPOTrainer beside the equality of its steps: other parts of TRL that must keep working, and what is refused."""

from __future__ import annotations

import math
import re

import pytest
import torch
from peft import LoraConfig
from trl import GRPOConfig

from sspo.errors import UserError
from sspo.integrations.rollout import advantages
from sspo.integrations.trl import SSPOConfig, SSPOTrainer
from sspo.metrics import GLOSSARY
from tests.trl.observed import FOLDER, differences, fresh, passed, rollout, train


def test_our_metrics_are_in_trls_log_and_trls_own_stay():
    _, steps = train("sspo")
    first, last = steps[0].logged, steps[-1].logged
    ours = {key for key in last if key in GLOSSARY}
    assert {"policy/clip_frac", "rollout/entropy_segment", "reward/mean", "policy/clip_frac_matched"} <= ours
    assert last["clip_ratio/region_mean"] == last["policy/clip_frac"] > 0
    assert last["policy/clip_frac"] == pytest.approx(
        last["clip_ratio/low_mean"] + last["clip_ratio/high_mean"]
    )
    assert first["reward"] == pytest.approx(last["reward/mean"], abs=1e-6), (
        "TRL logs it when it samples, we at the end"
    )
    assert first["policy/ratio_std"] == 0
    assert last["policy/ratio_std"] > 0
    assert last["loss"] == pytest.approx(last["policy/loss"], abs=1e-6)


def test_the_old_policys_entropy_is_that_of_plain_logits():
    trainer, steps = train("sspo", max_steps=1)
    batch, rows = trainer.current.batch, rollout(trainer)
    with torch.no_grad():
        logp_BT, entropy_BT = passed(fresh(steps[0].weights), rows, plain=True)
    mask_BT = rows["mask_BT"]
    assert torch.equal(batch.mask_BT, mask_BT)
    assert float((batch.old_logp_BT - logp_BT)[mask_BT].abs().max()) < 1e-5
    assert float((batch.entropy_BT - entropy_BT)[mask_BT].abs().max()) < 1e-5
    assert float(batch.entropy_BT[mask_BT].std()) > 0.1


def test_responses_that_trl_masks_are_masked_in_the_loss():
    trainer, steps = train("grpo", mask_truncated_completions=True)
    tokens_B = trainer.current.batch.mask_BT.sum(1)
    assert 0 < int((tokens_B == 0).sum()) < len(tokens_B)
    for found in differences(trainer, steps, "grpo"):
        assert found["loss"] < 1e-6
        assert found["gradient"] < 1e-6


def test_dropout_is_off_unless_it_is_asked_for():
    _, steps = train("grpo", dropout=0.1, max_steps=1)
    assert steps[0].logged["policy/ratio_max"] == pytest.approx(1, abs=1e-4)
    _, steps = train("grpo", dropout=0.1, max_steps=1, disable_dropout=False)
    assert steps[0].logged["policy/ratio_max"] > 1.1


def test_adapters_are_trained_and_the_base_stays():
    trainer, steps = train("sspo", peft_config=LoraConfig(task_type="CAUSAL_LM", r=4), max_steps=2)
    before, after = steps[0].weights, trainer.model.state_dict()
    moved = {name for name in after if not torch.equal(before[name], after[name])}
    assert moved
    assert all("lora_" in name for name in moved)


def test_a_penalty_under_adapters_is_to_the_model_without_them():
    _, steps = train(
        "grpo",
        overrides=("objective.kl.coef=0.1",),
        peft_config=LoraConfig(task_type="CAUSAL_LM", r=4),
        learning_rate=3e-2,
    )
    assert steps[0].logged["policy/kl_reference"] == pytest.approx(0, abs=1e-6)
    assert steps[-1].logged["kl"] == steps[-1].logged["policy/kl_reference"] > 1e-4


def test_an_evaluation_reports_the_loss_of_its_own_responses():
    trainer, _ = train(
        "sspo", max_steps=2, eval_strategy="steps", eval_steps=2, per_device_eval_batch_size=8, evaluated=True
    )
    (row,) = [row for row in trainer.state.log_history if "eval_loss" in row]
    assert math.isfinite(row["eval_loss"])
    assert row["eval_policy/clip_frac"] == 0
    assert row["eval_policy/ratio_mean"] == pytest.approx(1)


def test_a_prompt_with_an_unscored_response_has_no_advantages():
    """Group 0: r - mean = (0, 1) - 0.5. Group 1 has a response that no reward function scored."""
    reward_PG = torch.tensor([[0.0, 1.0], [1.0, torch.nan]])
    found = advantages(reward_PG, torch.ones(2, 2), "group_mean")
    assert found.tolist() == [[-0.5, 0.5], [0.0, 0.0]]
    whitened = advantages(reward_PG, torch.ones(2, 2), "whitened")  # mean 0.5, sd 0.5 over group 0 alone
    assert whitened.tolist() == [[-1.0, 1.0], [0.0, 0.0]]


REFUSED = {
    "loss_type='dr_grpo'": ({"loss_type": "dr_grpo"}, "the objective is ours: set SSPOConfig.objective"),
    "epsilon=0.1": ({"epsilon": 0.1}, "objective.clip.low=... and objective.clip.high=... in overrides"),
    "beta=0.04": ({"beta": 0.04}, "objective.kl.coef=... in overrides"),
    "scale_rewards='none'": ({"scale_rewards": "none"}, "objective.advantage="),
    "entropy_coef=0.01": ({"entropy_coef": 0.01}, "our objectives have no entropy bonus"),
    "steps_per_generation=3 must": (
        {"steps_per_generation": 3, "gradient_accumulation_steps": 2},
        "multiple of gradient_accumulation_steps=2",
    ),
    "steps_per_generation=2 must": (
        {"generation_batch_size": 16, "gradient_accumulation_steps": 4},
        "multiple of gradient_accumulation_steps=4",
    ),
    "vllm_importance_sampling_clip_max=2.0": (
        {"vllm_importance_sampling_clip_max": 2.0},
        "objective.tis_cap=... or objective.mis_cap=... in overrides",
    ),
    "SSPOConfig.overrides holds": ({"overrides": ["trainer.lr=1"]}, "'trainer.lr=1'"),
    "objective.bounds.target_clip_frac needs run_folder": (
        {"overrides": ["objective.bounds.target_clip_frac=0.05"]},
        "SSPOConfig(run_folder=...)",
    ),
    "learning_rate must be at most 1": ({"learning_rate": 2.0}, "got 2"),
    "record=2 needs run_folder": ({"record": 2}, "SSPOConfig(run_folder=...)"),
    "unknown objective 'ssp0'": ({"objective": "ssp0"}, "did you mean 'sspo'?"),
    "unknown segmentation 'sentences'": ({"segmentation": "sentences"}, "did you mean 'sentence'?"),
    "unknown key 'objective.clip.hihg'": (
        {"overrides": ["objective.clip.hihg=0.1"]},
        "objective.clip.high",
    ),
}


@pytest.mark.parametrize("start", REFUSED)
def test_what_cannot_be_expressed_is_refused_in_one_sentence(start, tmp_path):
    options, instead = REFUSED[start]
    with pytest.raises(UserError) as refused:
        SSPOConfig(output_dir=str(tmp_path), per_device_train_batch_size=8, use_cpu=True, **options)
    assert str(refused.value).startswith(start)
    assert instead in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_trainer_needs_our_config_and_no_tools(tmp_path):
    with pytest.raises(UserError, match="takes an SSPOConfig as args, got GRPOConfig"):
        SSPOTrainer(FOLDER, lambda **_: [], GRPOConfig(output_dir=str(tmp_path), report_to=[], use_cpu=True))
    with pytest.raises(UserError, match=re.escape("tools cannot be used with SSPOTrainer")):
        SSPOTrainer(
            FOLDER,
            lambda **_: [],
            SSPOConfig(output_dir=str(tmp_path), report_to=[], use_cpu=True),
            tools=[len],
        )
