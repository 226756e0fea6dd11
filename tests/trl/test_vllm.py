"""TRL's vLLM under SSPOTrainer, in this process and on the CPU: weights arrive after updates, log-probabilities reach the loss."""

from __future__ import annotations

from functools import partial

import pytest
from datasets import Dataset
from peft import LoraConfig
from transformers import PreTrainedTokenizerFast

from sspo.integrations.trl import SSPOConfig, SSPOTrainer
from sspo.models.folder import model_folder
from sspo.rollout.vllm import SETTINGS

vllm = pytest.importorskip(
    "vllm", reason="no vllm here: `make test-vllm` runs this in an environment that has both"
)
MODEL = str(model_folder("embedded_vllm"))  # its head is its embedding
CLOSE = 1e-4
"""Nats that rounding in float32 explains."""


@pytest.fixture(autouse=True)
def _plain(monkeypatch):
    """TRL gives vLLM neither the precision nor a way to leave out compilation, which takes a minute."""
    for name, value in (SETTINGS | {"VLLM_CPU_KVCACHE_SPACE": "1"}).items():
        monkeypatch.setenv(name, value)
    exact = partial(vllm.LLM, dtype="float32", enforce_eager=True)
    monkeypatch.setattr("trl.generation.vllm_generation.LLM", exact)


def ends(completions, digit, **_):
    """Reward a chain of sums by its last digit."""
    return [float(f"answer {one} ." in text) for text, one in zip(completions, digit, strict=True)]


SUMS = [(a, b, c) for a in range(10) for b in range(10) for c in range(10)]


def trained(folder, *, sums=SUMS, peft_config=None, **options):
    """Train for two rollouts of two steps that are large enough to change every probability; return the trainer and its log."""
    sizes = {"per_device_train_batch_size": 16, "max_steps": 4, "learning_rate": 1e-3}
    args = SSPOConfig(
        output_dir=str(folder),
        use_vllm=True,
        vllm_max_model_length=128,
        num_generations=8,
        steps_per_generation=2,
        max_completion_length=32,
        lr_scheduler_type="constant",
        logging_steps=1,
        save_strategy="no",
        report_to=[],
        use_cpu=True,
        bf16=False,
        disable_tqdm=True,
        **(sizes | options),
    )
    rows = [{"prompt": f"<bos> {a} + {b} + {c} ?", "digit": str((a + b + c) % 10)} for a, b, c in sums]
    trainer = SSPOTrainer(
        model=MODEL,
        args=args,
        reward_funcs=ends,
        train_dataset=Dataset.from_list(rows),
        processing_class=PreTrainedTokenizerFast.from_pretrained(MODEL, trust_remote_code=False),
        peft_config=peft_config,
    )
    trainer.train()
    return trainer, [row for row in trainer.state.log_history if "policy/loss" in row]


def check_synced(steps):
    """Check that both rollouts were sampled with the weights that the trainer had, and that updates changed them."""
    for first, last in (steps[:2], steps[2:]):
        assert first["policy/ratio_std"] == 0
        assert last["policy/ratio_std"] > 0.01, "the update moves probabilities by more than rounding does"
        assert last["rollout/mismatch_mean"] < CLOSE
        assert last["rollout/mismatch_frac"] == 0


@pytest.mark.parametrize("cap", ["tis_cap=2", "mis_cap=2"])
def test_weights_arrive_and_log_probabilities_reach_the_loss(cap, tmp_path):
    _, steps = trained(tmp_path, overrides=[f"objective.{cap}"])
    check_synced(steps)
    for step in steps:
        if cap == "tis_cap=2":
            assert step["policy/tis_weight_mean"] == pytest.approx(1, abs=CLOSE)
            assert step["policy/tis_capped_frac"] == 0
        else:
            assert step["policy/mis_masked_frac"] == 0


def test_adapters_arrive_merged(tmp_path):
    adapters = LoraConfig(task_type="CAUSAL_LM", r=4, target_modules=["q_proj", "down_proj"])
    _, steps = trained(tmp_path, peft_config=adapters, learning_rate=5e-2)
    check_synced(steps)


def test_another_seed_samples_other_responses_to_the_same_prompts(tmp_path):
    found = []
    for seed in (1, 1, 2):
        trainer, _ = trained(tmp_path, sums=[(1, 2, 3)] * 4, max_steps=2, seed=seed)
        found.append(trainer.current.batch.response_BT.tolist())
    assert found[0] == found[1]
    assert found[0] != found[2]
