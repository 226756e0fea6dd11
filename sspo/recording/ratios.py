"""A recorded rollout under an objective: the ratios and bounds of every visit, and the bounds at which clip fractions
match.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from sspo.config import ObjectiveConfig
from sspo.objective.advantage import ADVANTAGES
from sspo.objective.bounds import RolloutColumns, clip_bounds, multipliers
from sspo.objective.context import prepared
from sspo.objective.critical import critical_scale
from sspo.objective.ratio import pooled_log_ratio, surrogate_log_ratio, token_log_ratio
from sspo.recording.recorded import RecordedRollout


@dataclass(frozen=True, kw_only=True)
class VisitRatios:
    """N visits under an objective; all tensors are (N, T) except update_N."""

    update_N: torch.Tensor
    mask_NT: torch.Tensor
    advantage_NT: torch.Tensor
    segment_id_NT: torch.Tensor
    d_NT: torch.Tensor
    """The tokens' own log-ratios, nats."""
    log_ratio_NT: torch.Tensor
    """Log-ratios of the objective's ratio level as in the loss, nats: its gradient trick makes tokens of one segment
    differ in the last bit.
    """
    pooled_NT: torch.Tensor
    """The same without that: equal for all tokens of a segment."""
    low_NT: torch.Tensor
    high_NT: torch.Tensor


@torch.no_grad()
def visit_ratios(recorded: RecordedRollout, objective: ObjectiveConfig) -> VisitRatios:
    """Return ratios and bounds at every visit, computed by the functions of the loss itself."""
    batch, visits = recorded.batch, recorded.visits
    g = batch.extras.g
    if g is None:
        seen = RolloutColumns(
            segment_id_BT=batch.segment_id_BT, mask_BT=batch.mask_BT, entropy_BT=batch.entropy_BT
        )
        g = multipliers(seen, objective)
    low_BT, high_BT = clip_bounds(g, batch.old_logp_BT, objective)
    mask_NT = batch.mask_BT[visits.row_N]
    segment_id_NT = batch.segment_id_BT[visits.row_N]
    d_NT = token_log_ratio(visits.logp_NT, batch.old_logp_BT[visits.row_N], mask_NT)
    level = objective.ratio, segment_id_NT, mask_NT, objective.pooling
    return VisitRatios(
        update_N=visits.update_N,
        mask_NT=mask_NT,
        advantage_NT=batch.advantage_BT[visits.row_N],
        segment_id_NT=segment_id_NT,
        d_NT=d_NT,
        log_ratio_NT=surrogate_log_ratio(d_NT, *level),
        pooled_NT=pooled_log_ratio(d_NT, *level),
        low_NT=low_BT[visits.row_N],
        high_NT=high_BT[visits.row_N],
    )


def critical_of_matched(ratios: VisitRatios) -> torch.Tensor:
    """Return critical scales of the bounds, one per matched token: A != 0, second update of the rollout or later."""
    critical_NT = critical_scale(ratios.pooled_NT, ratios.advantage_NT, ratios.low_NT, ratios.high_NT)
    late_N1 = (ratios.update_N > 0)[:, None]
    return critical_NT[late_N1 & ratios.mask_NT & (ratios.advantage_NT != 0)]


def seen_by(
    recorded: RecordedRollout, objective: ObjectiveConfig, segment_id_BT: torch.Tensor, seed: int
) -> RecordedRollout:
    """Return the recording as if a run with that seed had used another objective's advantages and columns, and other
    segments.
    """
    mask_BT, reward_PG = recorded.batch.mask_BT, recorded.rewards()
    tokens_PG = mask_BT.sum(1).view(reward_PG.shape).to(reward_PG.device)
    advantage_B = ADVANTAGES[objective.advantage](reward_PG, tokens_PG).flatten()
    advantage_BT = advantage_B.to(mask_BT.device)[:, None] * mask_BT
    batch = replace(recorded.batch, advantage_BT=advantage_BT, segment_id_BT=segment_id_BT)
    group, vocabulary = reward_PG.shape[1], recorded.vocabulary
    batch = prepared(batch, objective, group, seed, recorded.number, vocabulary)
    return replace(recorded, batch=batch)
