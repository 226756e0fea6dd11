"""Whole rows -> log-probabilities and entropies of their response tokens.

plain          transformers' own forward pass, all logits at once
lean           one without padding, for architectures that sspo/models/lean knows
micro_batches  rows in parts of a token budget
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import torch

from sspo.config import TrainerConfig
from sspo.models.forward.lean import LeanForward
from sspo.models.forward.plain import PlainForward
from sspo.models.lean.layout import layout_of
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
    """The forward pass that a run's options ask for, over the policy's weights as they are."""
    layout = layout_of(policy.model) if config.forward == "lean" else None
    if layout is None:
        return PlainForward(policy.model, policy.precision)
    head, checkpointed = policy.model.get_output_embeddings(), config.gradient_checkpointing
    return LeanForward(layout, head, policy.precision, checkpointed=checkpointed)
