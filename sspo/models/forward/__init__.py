"""Whole rows -> log-probabilities and entropies of their response tokens.

contract       the interface of every forward pass
plain          transformers' own forward pass, all logits at once
headed         hidden states of transformers or of sspo/models/lean, and a chunk of the logits at a time
chunked        hidden states to log-probabilities, chunk by chunk, with gradients
logits         the logits of a chunk, and the width of a chunk
softmax        a softmax merged from chunks
head           a model's computation between its last hidden state and its logits
checkpointed   a wrapped forward pass whose layers run again in the backward pass
proof          a check that a forward pass agrees with the plain one
rows           whole rows as model inputs
micro_batches  rows split by a token budget
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sspo.config import TrainerConfig
from sspo.models.forward.checkpointed import CheckpointedForward
from sspo.models.forward.contract import Forward
from sspo.models.forward.head import Head, head_of
from sspo.models.forward.headed import HeadedForward, lean_states, own_states
from sspo.models.forward.plain import PlainForward
from sspo.models.forward.proof import disagreement
from sspo.models.lean.layout import layout_of, why_unknown

if TYPE_CHECKING:
    from sspo.models.policy import Policy

NO_HEAD = "its head is not a plain linear layer"

__all__ = ["Forward", "open_forward"]


def open_forward(policy: Policy, config: TrainerConfig) -> Forward:
    """Return the forward pass that a run's options select, over the policy's weights at each call.

    A pass that agrees with the plain one on a few rows is used; otherwise the next plainer one is, with a remark.
    Raises UserError for gradient checkpointing if the architecture's layers do not support it.
    """
    forward = _settled(policy, config)
    if config.gradient_checkpointing and forward.paths["forward"] == "plain":
        return CheckpointedForward(forward, policy.model)
    return forward


def _settled(policy: Policy, config: TrainerConfig) -> Forward:
    """Return the first of the requested pass and plainer ones that agrees with the plain one."""
    plain = PlainForward(policy.model, policy.precision)
    remarks: list[str] = []
    wanted = [(config.forward, config.logits), ("plain", config.logits)]
    for forward, logits in dict.fromkeys(wanted):
        if (forward, logits) == ("plain", "full"):
            break
        found = _opened(policy, config, forward, logits)
        why = found if isinstance(found, str) else disagreement(found, plain, policy)
        if not isinstance(found, str) and why is None:
            found.remarks = remarks
            return found
        option = "forward=lean" if forward == "lean" else "logits=chunked"
        instead = (
            "using transformers' own forward pass" if forward == "lean" else "holding all logits at once"
        )
        remarks.append(
            f"warning: trainer.{option} cannot serve model.path={policy.path} (architecture {policy.model.config.model_type}): "
            f"{why}; {instead}"
        )
    plain.remarks = remarks
    return plain


def _opened(policy: Policy, config: TrainerConfig, forward: str, logits: str) -> HeadedForward | str:
    """Return a forward pass other than the plain one, or the reason that there is none."""
    head = head_of(policy.model)
    if head is None:
        return NO_HEAD
    states = own_states(policy.model)
    if forward == "lean":
        layout = layout_of(policy.model)
        if layout is None:
            return str(why_unknown(policy.model))
        states = lean_states(layout, checkpointed=config.gradient_checkpointing)
    return HeadedForward(
        states,
        head,
        policy.precision,
        {"forward": forward, "logits": logits},
        chunk=_width(head) if logits == "full" else None,
    )


def _width(head: Head) -> int:
    """Return the chunk width that covers the whole vocabulary."""
    return len(head.weight_VH)
