"""How far from 1 ratios of equal weights are at the first update, and what a bound of 3e-4 on a response's ratio means beside it.

The old look and the update see the same rows in batches of other shapes; with trainer.old_logp=sampler the old look is the
sampler's. What is told is |r - 1| of tokens, as grpo's bounds see it, and of responses (the geometric mean), as gspo's do.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch

from sspo.config import ModelConfig, RolloutConfig, TrainerConfig
from sspo.models.decode import open_decoders
from sspo.models.forward import Forward, open_forward
from sspo.models.forward.micro_batches import micro_batches
from sspo.models.forward.proof import bare_batch
from sspo.models.policy import Policy, load_policy
from sspo.objective.variants import VARIANTS
from sspo.randomness import torch_stream
from sspo.rollout.transformers import TransformersSampler
from sspo.tasks.chain import ChainTask
from sspo.types import Batch
from tests.cuda.part import Row, Setting

BOUND = VARIANTS["gspo"].clip.low
MEAN = {"float32": 1e-4, "bfloat16": 0.1}
"""The largest mean |r - 1| of tokens that rounding explains."""


def run(setting: Setting) -> Iterator[Row]:
    """See Run."""
    for precision in ("float32", "bfloat16"):
        policy = load_policy(ModelConfig(precision=precision), torch.device(setting.device))
        for way in ("plain", "lean"):
            yield from _of(policy, way, setting)


def _of(policy: Policy, way: str, setting: Setting) -> Iterator[Row]:
    """Rows of decoding and forward passes that are both plain or both lean."""
    trainer = TrainerConfig(forward=way, logits="full" if way == "plain" else "chunked")
    forward = open_forward(policy, trainer)
    rollout = RolloutConfig(prompts=4, responses=8, max_tokens=48) if setting.small else RolloutConfig()
    batch, sampled_BT = _sampled(policy, way, rollout)
    minibatch = 8 if setting.small else trainer.minibatch
    old_BT = _looked(forward, batch, len(batch.mask_BT), trainer.micro_batch_tokens)
    new_BT = _looked(forward, batch, minibatch, trainer.micro_batch_tokens)
    named = f"{policy.precision}, {way}"
    yield from _told(f"{named}: update beside old look", new_BT - old_BT, batch.mask_BT, policy.precision)
    yield from _told(f"{named}: update beside sampler", new_BT - sampled_BT, batch.mask_BT, policy.precision)


def _sampled(policy: Policy, way: str, config: RolloutConfig) -> tuple[Batch, torch.Tensor]:
    """A rollout's rows, and the sampler's log-probabilities."""
    sampler = TransformersSampler(
        policy.model, pad_id=policy.pad_id, end_ids=policy.end_ids, decoders=open_decoders(policy, way)
    )
    problems = ChainTask().train_problems(0, 0, config.prompts)
    found = sampler.sample(
        policy.prompts((problem.prompt for problem in problems), config.max_tokens),
        config.responses,
        max_tokens=config.max_tokens,
        temperature=config.temperature,
        draws=torch_stream(0, "rollout", 0),
        with_logp=True,
    )
    assert found.logp_BT is not None
    batch = bare_batch(found.prompt_BL, found.prompt_mask_BL, found.response_BT, found.mask_BT)
    return batch, found.logp_BT


@torch.no_grad()
def _looked(forward: Forward, batch: Batch, rows: int, budget: int) -> torch.Tensor:
    """Log-probabilities as the trainer sees them, so many rows at a time and those in micro-batches; 0 off the mask."""
    logp_BT = torch.zeros_like(batch.old_logp_BT)
    order_B = torch.randperm(len(batch.mask_BT), generator=torch_stream(0, "minibatches", 0))
    for index_b in order_B.to(batch.mask_BT.device).split(rows):
        for row_b, part in micro_batches(batch, index_b, budget):
            seen_bt = forward.token_logp(part, 1.0)
            logp_BT[row_b, : seen_bt.shape[1]] = seen_bt
    return logp_BT.where(batch.mask_BT, 0.0)


def _told(named: str, d_BT: torch.Tensor, mask_BT: torch.Tensor, precision: str) -> Iterator[Row]:
    d_BT = d_BT.double().where(mask_BT, 0.0)
    token_N = (d_BT[mask_BT].exp() - 1).abs()
    response_B = ((d_BT.sum(1) / mask_BT.sum(1).clamp(min=1)).exp() - 1).abs()
    size = f"{len(token_N):,} tokens of {len(mask_BT)} responses"
    yield Row(f"{named}: token |r-1|, mean", float(token_N.mean()), limit=MEAN[precision], note=size)
    yield Row(f"{named}: token |r-1|, largest", float(token_N.max()))
    yield Row(f"{named}: response |r-1|, mean", float(response_B.mean()))
    beyond = float((response_B > BOUND).double().mean())
    yield Row(f"{named}: responses beyond gspo's {BOUND:g}", 100 * beyond, "%")
