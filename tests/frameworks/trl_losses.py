"""TRL's side: real trainers around the embedded model; only their forward pass is replaced by given log-probabilities."""

from __future__ import annotations

import tempfile
from functools import cache
from typing import Any

import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import GRPOConfig, GRPOTrainer, RLOOConfig, RLOOTrainer
from trl.experimental.gmpo import GMPOConfig, GMPOTrainer

from sspo.base.recipe import weights_folder
from tests.frameworks.batch import GROUP, WIDTH, Batch
from tests.frameworks.losses import TrlLoss
from tests.frameworks.result import Result, run

TRAINERS = {
    "grpo": (GRPOTrainer, GRPOConfig),
    "gmpo": (GMPOTrainer, GMPOConfig),
    "rloo": (RLOOTrainer, RLOOConfig),
}


@cache
def _policy() -> tuple[Any, Any]:
    folder = weights_folder("embedded")
    model = AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=False)
    return model, AutoTokenizer.from_pretrained(folder, trust_remote_code=False)


def make_trainer(loss: TrlLoss, reward_B: torch.Tensor | None = None, responses: int = GROUP) -> Any:
    """A trainer as a user makes one; its reward function gives `reward_B`."""
    trainer_class, config_class = TRAINERS[loss.trainer]
    model, tokenizer = _policy()
    prompts = [{"prompt": "4 * 2 ?"}] * (len(reward_B) if reward_B is not None else responses)
    trainer = trainer_class(
        model=model,
        reward_funcs=lambda completions, **_: reward_B.tolist(),
        args=config_class(
            output_dir=tempfile.gettempdir(),
            use_cpu=True,
            bf16=False,
            report_to="none",
            per_device_train_batch_size=len(prompts),
            num_generations=responses,
            **{"max_completion_length": WIDTH, **loss.options},
        ),
        train_dataset=Dataset.from_list(prompts),
        processing_class=tokenizer,
    )
    trainer.model.train()
    trainer.current_gradient_accumulation_steps = trainer.args.gradient_accumulation_steps
    return trainer


@cache
def _trainer(name: str, options: tuple[tuple[str, Any], ...]) -> Any:
    """A trainer whose loss alone is called, as often as a test needs it."""
    return make_trainer(TrlLoss(trainer=name, options=dict(options)))


def trl(
    loss: TrlLoss,
    batch: Batch,
    *,
    whole: Batch | None = None,
    ref_logp_BT: torch.Tensor | None = None,
    weight_BT: torch.Tensor | None = None,
    old_logp: bool = True,
) -> Result:
    """The loss of one (micro-)batch of the generation batch `whole`."""
    trainer = _trainer(loss.trainer, tuple(loss.options.items()))
    mask_BT = batch.mask_BT.long()
    inputs = {
        "prompt_ids": torch.ones(len(mask_BT), 2, dtype=torch.long),
        "prompt_mask": torch.ones(len(mask_BT), 2, dtype=torch.long),
        "completion_ids": torch.ones_like(mask_BT),
        "completion_mask": mask_BT,
        "advantages": batch.advantage_BT[:, 0],
        "old_per_token_logps": batch.old_logp_BT if old_logp else None,
        "old_logps": (batch.old_logp_BT * mask_BT).sum(1),
        "num_items_in_batch": (whole or batch).mask_BT.sum(),
        "ref_per_token_logps": ref_logp_BT,
        "importance_sampling_ratio": weight_BT,
    }
    trainer.use_vllm = weight_BT is not None

    def evaluate(logp_BT: torch.Tensor) -> tuple[torch.Tensor, dict[str, float]]:
        trainer._get_per_token_logps_and_entropies = lambda *_, **__: (logp_BT, batch.entropy_BT, None)
        value = trainer._compute_loss(trainer.model, inputs)
        return value, {key: values[-1] for key, values in trainer._metrics["train"].items()}

    return run(evaluate, batch.logp_BT)


def trl_advantages(loss: TrlLoss, reward_PG: torch.Tensor) -> torch.Tensor:
    """advantage_PG that the trainer computes (in float32) after sampling real completions."""
    trainer = make_trainer(loss, reward_PG.flatten(), reward_PG.shape[1])
    inputs = [{"prompt": "4 * 2 ?"}] * reward_PG.numel()
    return trainer._generate_and_score_completions(inputs)["advantages"].reshape(reward_PG.shape)
