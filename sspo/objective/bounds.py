"""Clip bounds of every token: fixed, following entropy, or those of two papers.

    none         lo_t = lo,       hi_t = hi
    tanh, ...    lo_t = lo * g_t, hi_t = hi * g_t      (objective/g.py: the reading of arXiv 2511.04256, wide where
                                                        entropy is high and tight where it is low)
    hapo, dcpo   objective/published_bounds.py

g is divided by its token-weighted mean over the rollout, so adapting moves bounds between tokens and does not widen them
on average; alpha = 0 is a fixed clip, exactly. What comes out are distances of the ratio from 1, whatever went in: a
term that clips log-ratios states its clip there, and [-lo, hi] is 1 - lo_t = exp(-lo), 1 + hi_t = exp(hi).
"""

from __future__ import annotations

import torch

from sspo.choices import LOG_TERMS
from sspo.config import ObjectiveConfig
from sspo.objective.g import G_FUNCTIONS
from sspo.objective.published_bounds import dcpo_bounds, hapo_bounds
from sspo.types import EntropyStats

Bounds = tuple[torch.Tensor, torch.Tensor]


def clip_bounds(
    adapting_BT: torch.Tensor,
    old_logp_BT: torch.Tensor,
    objective: ObjectiveConfig,
    stats: EntropyStats | None,
) -> Bounds:
    """(low_BT, high_BT): the ratio is held inside [1 - low, 1 + high].

    `adapting_BT` is the entropy at the objective's level (nats), `stats` its statistics over the rollout.
    """
    low_BT, high_BT = _as_configured(adapting_BT, old_logp_BT, objective, stats)
    if objective.term in LOG_TERMS:
        return -torch.expm1(-low_BT), torch.expm1(high_BT)
    return low_BT, high_BT


def _as_configured(
    adapting_BT: torch.Tensor,
    old_logp_BT: torch.Tensor,
    objective: ObjectiveConfig,
    stats: EntropyStats | None,
) -> Bounds:
    clip, bounds = objective.clip, objective.bounds
    if bounds.adapt == "dcpo":
        return dcpo_bounds(old_logp_BT, clip)
    if bounds.adapt == "none" or stats is None:
        g_BT = torch.ones_like(adapting_BT)
    elif bounds.adapt == "hapo":
        return hapo_bounds(adapting_BT, clip, bounds.alpha, stats)
    else:
        g_BT = G_FUNCTIONS[bounds.adapt](adapting_BT, stats, bounds.alpha) / stats.g_mean
    one_BT = torch.ones_like(g_BT)
    low_BT = clip.low * (one_BT if bounds.side == "high" else g_BT)
    high_BT = clip.high * (one_BT if bounds.side == "low" else g_BT)
    return low_BT, high_BT
