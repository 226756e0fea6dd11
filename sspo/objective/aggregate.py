"""Per-token terms -> a scalar: the only place where a loss is divided, and always by counts of the whole batch.

Shares of micro-batches add up to the value of the batch. Rows without response tokens contribute nothing and count as
responses.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from sspo.objective.ratio import segment_size
from sspo.types import LossContext

Aggregation = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, LossContext], torch.Tensor]


def token_mean(
    term_BT: torch.Tensor, mask_BT: torch.Tensor, segment_id_BT: torch.Tensor, context: LossContext
) -> torch.Tensor:
    """Mean over all response tokens of the batch."""
    del segment_id_BT
    return torch.where(mask_BT, term_BT, 0.0).sum() / max(context.tokens, 1)


def group_token_mean(
    term_BT: torch.Tensor, mask_BT: torch.Tensor, segment_id_BT: torch.Tensor, context: LossContext
) -> torch.Tensor:
    """Mean over prompts of the mean over all response tokens of the prompt's group (DAPO, arXiv 2503.14476 equation 8).

    An optimiser step may see a part of a group: a token then weighs 1 / (tokens of the whole group), and a prompt counts as
    often as its responses are present, so that the steps of an epoch average to the equation.
    """
    del segment_id_BT
    if context.extras.group_weight_B is None:
        raise ValueError("group_token_mean asks which rows share a prompt: give whole_batch the group's size")
    weight_B = context.extras.group_weight_B.to(term_BT.dtype)
    return (torch.where(mask_BT, term_BT, 0.0).sum(1) * weight_B).sum() / context.responses


def response_mean(
    term_BT: torch.Tensor, mask_BT: torch.Tensor, segment_id_BT: torch.Tensor, context: LossContext
) -> torch.Tensor:
    """Mean over responses of token means."""
    del segment_id_BT
    length_B = mask_BT.sum(1).clamp(min=1)
    return (torch.where(mask_BT, term_BT, 0.0).sum(1) / length_B).sum() / context.responses


def constant(
    term_BT: torch.Tensor, mask_BT: torch.Tensor, segment_id_BT: torch.Tensor, context: LossContext
) -> torch.Tensor:
    """Token sums over the token limit, mean over responses (Dr.GRPO)."""
    del segment_id_BT
    return torch.where(mask_BT, term_BT, 0.0).sum() / context.max_response_tokens / context.responses


def segment_mean(
    term_BT: torch.Tensor, mask_BT: torch.Tensor, segment_id_BT: torch.Tensor, context: LossContext
) -> torch.Tensor:
    """Mean over responses of means over segments of token means."""
    share_BT = term_BT / segment_size(segment_id_BT, mask_BT)
    segments_B = (segment_id_BT.amax(1) + 1).clamp(min=1)
    return (torch.where(mask_BT, share_BT, 0.0).sum(1) / segments_B).sum() / context.responses


AGGREGATIONS: dict[str, Aggregation] = {
    "token_mean": token_mean,
    "group_token_mean": group_token_mean,
    "response_mean": response_mean,
    "constant": constant,
    "segment_mean": segment_mean,
}
