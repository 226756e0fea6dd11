"""Our options in verl's configuration: what cannot work is refused in one sentence, before a cluster starts."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from sspo.config import TrainConfig
from sspo.errors import UserError
from sspo.integrations.verl.job.course import JobCourse
from sspo.integrations.verl.job.options import JobOptions, read_options, trial_options

ACTOR = {
    "strategy": "fsdp2",
    "policy_loss": {"loss_mode": "sspo"},
    "use_kl_loss": False,
    "kl_loss_coef": 0.001,
    "ppo_mini_batch_size": 2,
    "ppo_epochs": 1,
    "optim": {"lr": 1e-3},
}
ROLLOUT = {"name": "vllm", "n": 4, "temperature": 1.0, "calculate_log_probs": True}


def options(ours: Any, **rollout: Any) -> JobOptions:
    """Read the part of verl's configuration that is ours, beside what we read of its own."""
    return read_options(
        OmegaConf.create(
            {
                "trainer": {"use_v1": True, "v1": {"sspo": ours}},
                "data": {"train_batch_size": 4, "max_response_length": 32, "seed": None},
                "actor_rollout_ref": {"actor": ACTOR, "rollout": {**ROLLOUT, **rollout}},
            }
        )
    )


def test_the_sizes_are_verls_and_the_objective_is_ours() -> None:
    found = options({"objective": "grpo", "overrides": ["objective.clip.low=0.05"]}).config
    assert (found.objective.clip.low, found.trainer.minibatch, found.rollout.prompts) == (0.05, 8, 4)
    assert options(None).config.segmentation.rule == "subsentence"


@pytest.mark.parametrize(
    ("ours", "rollout", "said"),
    [
        (5, {}, "must hold the keys objective, segmentation, overrides, job, final, got 5"),
        ({"overrides": "a=1"}, {}, "overrides must be a list of texts, got 'a=1'"),
        ({"overrides": [1]}, {}, "overrides must be a list of texts, got [1]"),
        ({"overrides": ["trainer.lr=1"]}, {}, "and got 'trainer.lr=1'"),
        ({"job": "/none.json"}, {}, "trainer.v1.sspo.job=/none.json cannot be read"),
        ({}, {"name": "sglang"}, "rollout.name=sglang was not tried"),
        ({"overrides": ["objective.mis_cap=2.0"]}, {"calculate_log_probs": False}, "objective.mis_cap needs the sampler's"),
        ({"overrides": ["objective.kl.coef=0.1"]}, {}, "needs the log-probabilities of verl's reference policy"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_one_sentence(ours: Any, rollout: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError) as caught:
        options(ours, **rollout)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_precision_of_a_trial_is_what_its_job_says(tmp_path: Path, precision: str) -> None:
    """verl's driver, which checks the sampler against the trainer, sees no device that it could ask."""
    job = tmp_path / "job.json"
    content = {"config": asdict(TrainConfig()), "folder": str(tmp_path), "files": {}, "precision": precision}
    job.write_text(json.dumps(content))
    assert JobCourse(trial_options(job, final=False)).precision == precision
