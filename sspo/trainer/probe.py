"""A check that a model samples as it trains: a few tokens are drawn and evaluated again before any training.

The sampler goes token by token and relies on the model to keep its past in the cache that it is given; the trainer
evaluates whole rows, padded on the left. An architecture that keeps its past elsewhere, or reads its padding, would
train on meaningless ratios without any error. An untrained model hardly depends on its past, so differences are
compared with that dependence: the effect of a different prompt on the same tokens.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from sspo.errors import UserError
from sspo.models.decode import open_decoders
from sspo.models.device import is_out_of_memory
from sspo.models.forward.plain import PlainForward
from sspo.models.forward.proof import bare_batch, dependence, tolerance_of
from sspo.models.policy import Policy
from sspo.randomness import torch_stream
from sspo.rollout.transformers import TransformersSampler
from sspo.types import Batch, Rollout

LENGTHS = (2, 9, 5, 3)
"""Tokens of the prompts: unequal, so that all but one are padded."""
RESPONSES, TOKENS = 3, 6
ENDING = 0.15
"""Share of the vocabulary that ends a probed response, so that some rows leave the batch while others continue."""


@dataclass(frozen=True, kw_only=True)
class Probed:
    """Largest differences of the probed tokens' log-probabilities, in nats."""

    sampled: float
    """Between the sampler and the trainer."""
    padded: float
    """Between a row among others and the row alone."""
    dependence: float
    """Effect of a different prompt on them, as a root mean square."""


def check_sampling(policy: Policy) -> None:
    """Raise UserError, in one sentence, for a model that cannot be sampled here or does not sample as it trains."""
    name = f"model.path={policy.path}: architecture {policy.model.config.model_type}"
    try:
        found = probe(policy)
    except Exception as error:
        if is_out_of_memory(error):
            raise
        said = " ".join(str(error).split())
        raise UserError(
            f"{name} cannot be sampled with a cache of transformers' own ({type(error).__name__}: {said})"
        ) from error
    tolerance = tolerance_of(policy.precision).of(found.dependence)
    if not found.padded <= tolerance:
        raise UserError(
            f"{name} reads its padding: log-probabilities of a row padded on the left differ by {found.padded:.2g} nats from "
            f"those of the row alone, and rounding explains at most {tolerance:.2g}"
        )
    if not found.sampled <= tolerance:
        raise UserError(
            f"{name} does not sample as it trains: log-probabilities of sampled tokens differ by {found.sampled:.2g} nats, "
            f"and rounding explains at most {tolerance:.2g}, so it keeps its past outside the cache or attends to later tokens"
        )


@torch.no_grad()
def probe(policy: Policy) -> Probed:
    """Sample a few rows of random prompts and evaluate them again; draws come from a stream of their own."""
    generator = torch_stream(0, "probe")
    rollout = _sample(policy, generator)
    batch = bare_batch(rollout.prompt_BL, rollout.prompt_mask_BL, rollout.response_BT, rollout.mask_BT)
    forward = PlainForward(policy.model, policy.precision)
    seen_BT = forward.token_logp(batch, 1.0)
    assert rollout.logp_BT is not None
    shuffled_BL = torch.randint(policy.rows, batch.prompt_BL.shape, generator=generator)
    return Probed(
        sampled=float((rollout.logp_BT - seen_BT)[batch.mask_BT].abs().max()),
        padded=max(_padded(forward, batch, seen_BT, row) for row in range(0, len(seen_BT), RESPONSES)),
        dependence=dependence(forward, batch, seen_BT, shuffled_BL),
    )


def _sample(policy: Policy, generator: torch.Generator) -> Rollout:
    prompts = [torch.randint(policy.rows, (length,), generator=generator).tolist() for length in LENGTHS]
    ends = (torch.rand(policy.rows, generator=generator) < ENDING).nonzero()[:, 0].tolist()
    sampler = TransformersSampler(
        policy.model, pad_id=policy.pad_id, end_ids=ends, decoders=open_decoders(policy, "plain")
    )
    return sampler.sample(
        prompts, RESPONSES, max_tokens=TOKENS, temperature=1.0, draws=generator, with_logp=True
    )


def _padded(forward: PlainForward, batch: Batch, seen_BT: torch.Tensor, row: int) -> float:
    """Return how far a row's log-probabilities are from those of the row alone, which has no padding."""
    alone = batch.rows(torch.tensor([row], device=seen_BT.device))
    width = alone.mask_BT.shape[1]
    return float((forward.token_logp(alone, 1.0)[0] - seen_BT[row, :width]).abs().max())
