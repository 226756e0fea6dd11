"""Per-token terms -> a scalar: the only place where a loss is divided, and always by counts of the whole batch.

Every function takes term_BT (points; the objective's term at each token), mask_BT (True on response tokens),
segment_id_BT (-1 off the mask) and the context of the whole batch, and returns a scalar tensor, to be maximized. Shares
of micro-batches add up to the value of the batch. A row without response tokens contributes nothing and counts as a
response.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from sspo.objective.ratio import segment_size, segments_of
from sspo.types import LossContext

Aggregation = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, LossContext], torch.Tensor]


def token_mean(
    term_BT: torch.Tensor, mask_BT: torch.Tensor, segment_id_BT: torch.Tensor, context: LossContext
) -> torch.Tensor:
    """Return the mean over all response tokens of the batch."""
    del segment_id_BT
    return torch.where(mask_BT, term_BT, 0.0).sum() / max(context.tokens, 1)


def group_token_mean(
    term_BT: torch.Tensor, mask_BT: torch.Tensor, segment_id_BT: torch.Tensor, context: LossContext
) -> torch.Tensor:
    """Return the mean over prompts of the mean over all response tokens of the prompt's group (DAPO, arXiv 2503.14476
    equation 8).

    An optimizer step may contain only part of a group: a token then weighs 1 / (tokens of the whole group), and a
    prompt counts in proportion to the responses that are present, so that the steps of an epoch average to the
    equation. Raises ValueError if the context has no group weights.
    """
    del segment_id_BT
    if context.extras.group_weight_B is None:
        raise ValueError(
            "group_token_mean requires the prompt of each row: pass the group's size to whole_batch"
        )
    weight_B = context.extras.group_weight_B.to(term_BT.dtype)
    return (torch.where(mask_BT, term_BT, 0.0).sum(1) * weight_B).sum() / context.responses


def response_mean(
    term_BT: torch.Tensor, mask_BT: torch.Tensor, segment_id_BT: torch.Tensor, context: LossContext
) -> torch.Tensor:
    """Return the mean over responses of token means."""
    del segment_id_BT
    length_B = mask_BT.sum(1).clamp(min=1)
    return (torch.where(mask_BT, term_BT, 0.0).sum(1) / length_B).sum() / context.responses


def constant(
    term_BT: torch.Tensor, mask_BT: torch.Tensor, segment_id_BT: torch.Tensor, context: LossContext
) -> torch.Tensor:
    """Return the mean over responses of token sums divided by the token limit (Dr.GRPO, arXiv 2503.20783)."""
    del segment_id_BT
    return torch.where(mask_BT, term_BT, 0.0).sum() / context.max_response_tokens / context.responses


def segment_mean(
    term_BT: torch.Tensor, mask_BT: torch.Tensor, segment_id_BT: torch.Tensor, context: LossContext
) -> torch.Tensor:
    """Return the mean over responses of means over segments of token means."""
    share_BT = term_BT / segment_size(segment_id_BT, mask_BT)
    segments_B = segments_of(segment_id_BT).clamp(min=1)
    return (torch.where(mask_BT, share_BT, 0.0).sum(1) / segments_B).sum() / context.responses


def token_sum(
    term_BT: torch.Tensor, mask_BT: torch.Tensor, segment_id_BT: torch.Tensor, context: LossContext
) -> torch.Tensor:
    """Return the mean over responses of token sums (LUSPO, arXiv 2602.05261: a response's loss times its length)."""
    del segment_id_BT
    return torch.where(mask_BT, term_BT, 0.0).sum() / context.responses


AGGREGATIONS: dict[str, Aggregation] = {
    "token_mean": token_mean,
    "group_token_mean": group_token_mean,
    "response_mean": response_mean,
    "constant": constant,
    "segment_mean": segment_mean,
    "token_sum": token_sum,
}
