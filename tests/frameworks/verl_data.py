"""A rollout as verl's workers get it: nested tensors in a TensorDict, micro-batch by micro-batch, with verl's own counts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch
from tensordict import TensorDict
from verl.utils.tensordict_utils import assign_non_tensor, index_select_tensor_dict
from verl.workers.config import ActorConfig
from verl.workers.config.actor import PolicyLossConfig

from sspo.config import TrainConfig
from sspo.integrations.rollout import complete
from sspo.integrations.verl.job.columns import columns_of
from sspo.models.loading import read_tokenizer
from sspo.types import Batch, TokenExtras
from tests.frameworks.batch import GROUP, ragged


def rollout(config: TrainConfig, seed: int) -> tuple[Batch, torch.Tensor]:
    """Return a rollout as our trainer in verl prepares it, and the log-probabilities of an update, (B, T)."""
    found = ragged(seed, prompts=3)
    generator = torch.Generator().manual_seed(seed)
    tokenizer = read_tokenizer("embedded")
    mask_BT, rows = found.mask_BT, len(found.mask_BT)

    def known(x_BT: torch.Tensor) -> torch.Tensor:
        return x_BT.float().where(mask_BT, 0.0)

    response_BT = torch.randint(5, len(tokenizer), mask_BT.shape, generator=generator).where(mask_BT, 0)
    batch = Batch(
        prompt_BL=torch.randint(5, len(tokenizer), (rows, 4), generator=generator),
        prompt_mask_BL=torch.ones(rows, 4, dtype=torch.bool),
        response_BT=response_BT,
        mask_BT=mask_BT,
        advantage_BT=torch.zeros(mask_BT.shape),
        segment_id_BT=mask_BT.long() - 1,
        old_logp_BT=known(found.old_logp_BT),
        entropy_BT=known(found.entropy_BT),
        extras=TokenExtras(
            reference_logp_BT=known(found.old_logp_BT - 0.1),
            sampler_logp_BT=known(found.old_logp_BT + 0.05),
        ),
    )
    reward_PG = torch.rand(rows // GROUP, GROUP, generator=generator)
    return complete(batch, reward_PG, config, tokenizer, 0), known(found.logp_BT)


def config_of(objective: Any, **segmentation: Any) -> TrainConfig:
    """Return a configuration with this objective."""
    plain = TrainConfig()
    return replace(plain, objective=objective, segmentation=replace(plain.segmentation, **segmentation))


def actor(loss_mode: str = "sspo", **options: Any) -> ActorConfig:
    """Return verl's configuration of an actor."""
    policy_loss = PolicyLossConfig(loss_mode=loss_mode)
    return ActorConfig(
        strategy="fsdp2", rollout_n=GROUP, ppo_micro_batch_size_per_gpu=1, policy_loss=policy_loss, **options
    )


def nested(x_BT: torch.Tensor, lengths: Sequence[int]) -> torch.Tensor:
    """Return the first tokens of each row as a nested tensor."""
    rows = [x_T[:length] for x_T, length in zip(x_BT, lengths, strict=True)]
    return torch.nested.as_nested_tensor(rows, layout=torch.jagged)


def data_of(batch: Batch, ranks: int = 1, scale: float | None = None) -> TensorDict:
    """Return a whole optimizer step of verl's data."""
    mask_BT = batch.mask_BT
    lengths = mask_BT.sum(1).tolist()
    columns = {
        **columns_of(batch),
        "responses": batch.response_BT,
        "response_mask": mask_BT.long(),
        "old_log_probs": batch.old_logp_BT,
        "entropy": batch.entropy_BT,
        "ref_log_prob": batch.extras.reference_logp_BT,
    }
    data = TensorDict(
        {name: nested(x_BT, lengths) for name, x_BT in columns.items()}, batch_size=len(mask_BT)
    )
    data["prompts"] = nested(batch.prompt_BL, [batch.prompt_BL.shape[1]] * len(mask_BT))
    counts = {"batch_num_tokens": int(mask_BT.sum()), "global_batch_size": len(mask_BT), "dp_size": ranks}
    assign_non_tensor(data, **counts, **({} if scale is None else {"sspo_clip_scale": scale}))
    return data


def output_of(logp_BT: torch.Tensor, batch: Batch, rows: slice) -> dict[str, torch.Tensor]:
    """Return what verl's engine gives its loss: log-probabilities of prompts and responses in one nested tensor, each at the
    token before the one that it belongs to.
    """
    ahead = batch.prompt_BL.shape[1] - 1
    lengths = batch.mask_BT[rows].sum(1).tolist()
    whole = [
        torch.nn.functional.pad(logp_T[:length], (ahead, 1))
        for logp_T, length in zip(logp_BT[rows], lengths, strict=True)
    ]
    return {"log_probs": torch.nested.as_nested_tensor(whole, layout=torch.jagged)}


def micro_batches(batch: Batch, sizes: Sequence[int]) -> Iterator[slice]:
    """Yield the rows of micro-batches of these sizes."""
    begin = 0
    for size in sizes:
        yield slice(begin, begin + size)
        begin += size
    assert begin == len(batch.mask_BT)


def part(data: TensorDict, rows: slice) -> TensorDict:
    """Return a micro-batch of verl's data, as verl's engine splits it, with the counts of the whole step."""
    return index_select_tensor_dict(data, list(range(rows.start, rows.stop)))
