"""Whole rows -> log-probabilities and entropies of their response tokens.

plain          transformers' own forward pass, all logits at once
checkpointed   another one, whose layers run again in the backward pass
micro_batches  rows in parts of a token budget
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import torch

from sspo.config import TrainerConfig
from sspo.models.forward.checkpointed import CheckpointedForward
from sspo.models.forward.plain import PlainForward
from sspo.types import Batch

if TYPE_CHECKING:
    from sspo.models.policy import Policy


class Forward(Protocol):
    """How a policy looks at the rows of a micro-batch. Off the mask all that it gives is finite and meaningless."""

    def token_logp(self, part: Batch, temperature: float) -> torch.Tensor:
        """logp_BT of the response tokens (nats) at `temperature`, with a gradient where gradients are on."""
        ...

    def token_logp_entropy(self, part: Batch, temperature: float) -> tuple[torch.Tensor, torch.Tensor]:
        """logp_BT, and entropy_BT of the distributions that the tokens came from (nats), which has no gradient to rely on."""
        ...


def open_forward(policy: Policy, config: TrainerConfig) -> Forward:
    """The forward pass that a run's options ask for, over the policy's weights as they are.

    Raises UserError for an option that its architecture lacks.
    """
    forward: Forward = PlainForward(policy.model, policy.precision)
    return CheckpointedForward(forward, policy.model) if config.gradient_checkpointing else forward
