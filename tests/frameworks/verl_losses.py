"""verl's side: its registered losses and estimators, called as its trainer calls them, with its own actor config."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from verl.trainer.config import AlgoConfig
from verl.trainer.ppo import core_algos
from verl.workers.config import ActorConfig

from tests.frameworks.batch import GROUP, Batch
from tests.frameworks.losses import VerlLoss
from tests.frameworks.result import Result, run


def actor(options: dict[str, Any]) -> ActorConfig:
    """verl's actor config with its defaults but for `options`."""
    return ActorConfig(strategy="fsdp", rollout_n=GROUP, use_dynamic_bsz=True, **options)


def verl(
    loss: VerlLoss,
    batch: Batch,
    *,
    whole: Batch | None = None,
    trainer_counts: bool = True,
    weight_BT: torch.Tensor | None = None,
) -> Result:
    """The loss of a (micro-)batch of `whole`, whose counts verl's trainer passes in; `trainer_counts` False withholds them."""
    config = actor(loss.options)
    whole = whole or batch
    if trainer_counts:
        config.global_batch_info.update(
            dp_size=1,
            batch_num_tokens=int(whole.mask_BT.sum()),
            global_batch_size=len(whole.mask_BT),
            loss_scale_factor=config.loss_scale_factor,
        )

    def evaluate(logp_BT: torch.Tensor) -> tuple[torch.Tensor, dict[str, float]]:
        return core_algos.get_policy_loss_fn(loss.mode)(
            old_log_prob=batch.old_logp_BT,
            log_prob=logp_BT,
            advantages=batch.advantage_BT,
            response_mask=batch.mask_BT,
            loss_agg_mode=config.loss_agg_mode,
            config=config,
            rollout_is_weights=weight_BT,
        )

    return run(evaluate, batch.logp_BT)


def verl_advantages(
    estimator: str, reward_PG: torch.Tensor, mask_BT: torch.Tensor, **options: Any
) -> torch.Tensor:
    """advantage_BT of responses whose reward stands on their last token, as verl's reward manager puts it."""
    reward_B = reward_PG.flatten()
    reward_BT = torch.zeros(mask_BT.shape, dtype=reward_B.dtype)
    reward_BT[torch.arange(len(mask_BT)), mask_BT.sum(1) - 1] = reward_B
    advantage_BT, _ = core_algos.get_adv_estimator_fn(estimator)(
        token_level_rewards=reward_BT,
        response_mask=mask_BT.to(reward_B.dtype),
        index=np.repeat(np.arange(len(reward_PG)), reward_PG.shape[1]),
        config=AlgoConfig(),
        **options,
    )
    return advantage_BT
