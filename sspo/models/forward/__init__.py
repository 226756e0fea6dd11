"""Whole rows -> log-probabilities and entropies of their response tokens.

protocol       what every forward pass gives
plain          transformers' own forward pass, all logits at once
checkpointed   another one, whose layers run again in the backward pass
micro_batches  rows in parts of a token budget
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sspo.config import TrainerConfig
from sspo.models.forward.checkpointed import CheckpointedForward
from sspo.models.forward.plain import PlainForward
from sspo.models.forward.protocol import Forward

if TYPE_CHECKING:
    from sspo.models.policy import Policy

__all__ = ["Forward", "open_forward"]


def open_forward(policy: Policy, config: TrainerConfig) -> Forward:
    """The forward pass that a run's options ask for, over the policy's weights as they are.

    Raises UserError for an option that its architecture lacks.
    """
    forward: Forward = PlainForward(policy.model, policy.precision)
    return CheckpointedForward(forward, policy.model) if config.gradient_checkpointing else forward
