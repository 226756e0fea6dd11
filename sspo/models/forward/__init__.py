"""Whole rows -> log-probabilities and entropies of their response tokens.

contract       what every forward pass does
plain          transformers' own forward pass, all logits at once
backbone       transformers' own layers, and a chunk of the logits at a time
chunked        hidden states to log-probabilities, chunk by chunk, with gradients
logits         the logits of a chunk, and how wide a chunk is
softmax        a softmax merged from chunks
head           what a model does between its last hidden state and its logits
proof          whether another forward pass gives what the plain one gives
rows           whole rows as a model takes them
micro_batches  rows in parts of a token budget
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sspo.config import TrainerConfig
from sspo.models.forward.backbone import ChunkedForward
from sspo.models.forward.contract import Forward
from sspo.models.forward.head import head_of
from sspo.models.forward.plain import PlainForward
from sspo.models.forward.proof import disagreement

if TYPE_CHECKING:
    from sspo.models.policy import Policy


__all__ = ["Forward", "open_forward"]


def open_forward(policy: Policy, config: TrainerConfig) -> Forward:
    """The forward pass that a run's options ask for, over the policy's weights as they are.

    What cannot be told from the plain one on a few rows is taken; otherwise the plain one is, with a remark.
    """
    plain = PlainForward(policy.model, policy.precision)
    if config.logits == "full":
        return plain
    head = head_of(policy.model)
    if head is None:
        why: str | None = "its head is no plain linear layer"
    else:
        forward = ChunkedForward(policy.model, head, policy.precision)
        why = disagreement(forward, plain, policy)
        if why is None:
            return forward
    remark = (
        f"warning: trainer.logits=chunked cannot serve model.path={policy.path} (architecture {policy.model.config.model_type}): {why}; "
        "all logits are held at once, as with trainer.logits=full"
    )
    return PlainForward(policy.model, policy.precision, [remark])
