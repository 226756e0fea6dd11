"""Importance log-ratios at token, segment or response level: one code path over segment ids.

    d_t = logp_t - old_logp_t
    D_s = sum_{t in s} d_t / n_s
    l_t = sg(D_s(t)) + d_t - sg(d_t)          (the GSPO-token form, arXiv 2507.18071)

One segment per token gives GRPO's ratio, one segment per response GSPO's, both exactly; SSPO (arXiv 2511.04256) lies
between. Level 'prefix' pools the tokens up to and including t (CTPO, arXiv 2605.07331), and pooling 'sum' takes the sum
instead of the mean: the ratio of the level's probabilities, without GSPO's normalization by length.
"""

from __future__ import annotations

import torch

MAX_LOG_RATIO = 20.0
"""exp(20) is 5e8: every clip acts long before, and larger values could only overflow."""


NOT_FINITE = 1e6
"""Substitute for an infinite log-ratio (nats): in a mean over fewer than 50,000 tokens it is still beyond the limit
above.
"""


def token_log_ratio(logp_BT: torch.Tensor, old_logp_BT: torch.Tensor, mask_BT: torch.Tensor) -> torch.Tensor:
    """Return d_BT = logp - old_logp on the mask (nats), 0 off it, and always finite.

    A token to which the new policy gives no probability counts as d = -1e6 and one to which the old policy gave none as
    1e6, so that its ratio is at the representable limit, exp(-20) or exp(20), as is that of its segment; if both are
    -inf, d = 0. None of them has a gradient.
    """
    d_BT = (logp_BT - old_logp_BT).nan_to_num(nan=0.0, posinf=NOT_FINITE, neginf=-NOT_FINITE)
    return torch.where(mask_BT, d_BT, 0.0)


def partition(level: str, segment_id_BT: torch.Tensor, mask_BT: torch.Tensor) -> torch.Tensor:
    """Return, (B, T), the segment ids that the ratio is pooled over: each token, the given segments or the whole
    response.

    `level` is 'token', 'segment' or 'response'; any other raises ValueError. The prefixes of a response overlap, so
    level 'prefix' is not a partition. Ids are -1 off the mask.
    """
    if level == "segment":
        return segment_id_BT
    if level == "token":
        position_T = torch.arange(mask_BT.shape[1], device=mask_BT.device)
        return torch.where(mask_BT, position_T, -1)
    if level == "response":
        return torch.where(mask_BT, 0, -1)
    raise ValueError(f"unknown ratio level '{level}': valid: response, segment, token")


def ids_from_cuts(cut_BT: torch.Tensor, mask_BT: torch.Tensor) -> torch.Tensor:
    """Return segment ids, (B, T): the number of cuts before each token, -1 off the mask.

    A token that is cut after belongs to the segment that it ends.
    """
    return (cut_BT.cumsum(1) - cut_BT.long()).where(mask_BT, -1)


def segments_of(segment_id_BT: torch.Tensor) -> torch.Tensor:
    """Return, (B,), the number of segments of each response."""
    return segment_id_BT.amax(1) + 1


def segment_size(segment_id_BT: torch.Tensor, mask_BT: torch.Tensor) -> torch.Tensor:
    """Return, (B, T), the number of tokens of the segment that each token belongs to; 1 off the mask."""
    return _segment_sum(mask_BT.float(), segment_id_BT, mask_BT).clamp(min=1)


def mean_of_segment(
    value_BT: torch.Tensor, segment_id_BT: torch.Tensor, mask_BT: torch.Tensor
) -> torch.Tensor:
    """Return, (B, T), each token's segment mean of `value_BT`; 0 off the mask."""
    return _segment_sum(value_BT, segment_id_BT, mask_BT) / segment_size(segment_id_BT, mask_BT)


def pooled_log_ratio(
    d_BT: torch.Tensor,
    level: str,
    segment_id_BT: torch.Tensor,
    mask_BT: torch.Tensor,
    pooling: str = "mean",
) -> torch.Tensor:
    """Return, (B, T), the pooled log-ratio of each token's level (nats), without a gradient; 0 off the mask.

    `level` is 'token', 'segment', 'response' or 'prefix'; `pooling` is 'mean' or 'sum'. Any other level raises
    ValueError.
    """
    d_BT = d_BT.detach()
    if level == "prefix":
        total_BT = torch.where(mask_BT, d_BT, 0.0).cumsum(1)
        pooled_BT = total_BT if pooling == "sum" else total_BT / mask_BT.cumsum(1).clamp(min=1)
        return torch.where(mask_BT, pooled_BT, 0.0)
    pool = _segment_sum if pooling == "sum" else mean_of_segment
    return pool(d_BT, partition(level, segment_id_BT, mask_BT), mask_BT)


def surrogate_log_ratio(
    d_BT: torch.Tensor,
    level: str,
    segment_id_BT: torch.Tensor,
    mask_BT: torch.Tensor,
    pooling: str = "mean",
) -> torch.Tensor:
    """Return l_BT (nats): the level's pooled log-ratio in value, the token's own log-probability in gradient.

    The value is clamped to [-20, 20]. Raises ValueError for an unknown level.
    """
    pooled_BT = pooled_log_ratio(d_BT, level, segment_id_BT, mask_BT, pooling)
    return pooled_BT.clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO) + d_BT - d_BT.detach()


def _segment_sum(value_BT: torch.Tensor, segment_id_BT: torch.Tensor, mask_BT: torch.Tensor) -> torch.Tensor:
    """Return each token's segment total. Ids are below T, so (B, T) slots hold every segment of every row."""
    slot_BT = segment_id_BT.clamp(min=0)
    kept_BT = torch.where(mask_BT, value_BT, 0.0)
    total_BS = torch.zeros_like(kept_BT).scatter_add(1, slot_BT, kept_BT)
    return torch.where(mask_BT, total_BS.gather(1, slot_BT), 0.0)
