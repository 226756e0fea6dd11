"""Clip bounds of every token: fixed, following entropy, or those of two papers.

    none         lo_t = lo,       hi_t = hi
    tanh, ...    lo_t = lo * g_t, hi_t = hi * g_t      (objective/entropy_bounds.py: our reading of arXiv 2511.04256, wide where
                                                        entropy is high and tight where it is low)
    hapo, dcpo   objective/published_bounds.py

g is divided by its token-weighted mean over the rollout, so adaptation moves bounds between tokens and does not widen
them on average; alpha = 0 is exactly a fixed clip. The result is always a pair of distances of the ratio from 1. A term
that clips log-ratios configures its clip in logs, and [-lo, hi] there means 1 - lo_t = exp(-lo), 1 + hi_t = exp(hi).
"""

from __future__ import annotations

import torch

from sspo.config import BoundsConfig, ObjectiveConfig
from sspo.config.choices import TERMS
from sspo.objective.entropy_bounds import FOLLOW_NO_ENTROPY, G_FUNCTIONS, adapting_entropy, entropy_stats
from sspo.objective.published_bounds import dcpo_bounds, hapo_multipliers

Pair = tuple[torch.Tensor, torch.Tensor]
"""(low_BT, high_BT), distances of the ratio from 1."""


def multipliers(
    entropy_BT: torch.Tensor | None,
    segment_id_BT: torch.Tensor,
    mask_BT: torch.Tensor,
    bounds: BoundsConfig,
    generator: torch.Generator | None = None,
) -> Pair | None:
    """Return the factors of clip.low and clip.high at each token of a whole rollout, each (B, T), or None if bounds do
    not follow entropy.

    entropy_BT is in nats. `generator` draws the permutation of 'shuffled'. Raises ValueError if bounds follow entropy
    and entropy_BT is None, or if 'shuffled' has no generator.
    """
    if bounds.adapt in FOLLOW_NO_ENTROPY:
        return None
    if entropy_BT is None:
        raise ValueError(f"bounds.adapt='{bounds.adapt}' requires entropy_BT")
    h_BT = adapting_entropy(entropy_BT, segment_id_BT, mask_BT, bounds, generator)
    stats = entropy_stats(h_BT, mask_BT, bounds)
    if bounds.adapt == "hapo":
        return hapo_multipliers(h_BT, bounds.alpha, stats)
    g_BT = G_FUNCTIONS[bounds.adapt](h_BT, stats, bounds.alpha)
    g_mean = torch.where(mask_BT, g_BT, 0.0).sum() / mask_BT.sum().clamp(min=1)
    g_BT, one_BT = g_BT / g_mean, torch.ones_like(g_BT)
    return (one_BT if bounds.side == "high" else g_BT), (one_BT if bounds.side == "low" else g_BT)


def clip_bounds(g: Pair | None, old_logp_BT: torch.Tensor, objective: ObjectiveConfig) -> Pair:
    """Return (low_BT, high_BT): the ratio is clipped to [1 - low, 1 + high].

    `g` is the result of `multipliers` over the whole rollout. Raises ValueError if bounds follow entropy and g is None.
    """
    low_BT, high_BT = _as_configured(g, old_logp_BT, objective)
    if TERMS[objective.term].in_logs:
        return -torch.expm1(-low_BT), torch.expm1(high_BT)
    return low_BT, high_BT


def _as_configured(g: Pair | None, old_logp_BT: torch.Tensor, objective: ObjectiveConfig) -> Pair:
    clip = objective.clip
    if objective.bounds.adapt == "dcpo":
        return dcpo_bounds(old_logp_BT, clip)
    if objective.bounds.adapt == "none":
        one_BT = torch.ones_like(old_logp_BT)
        return clip.low * one_BT, clip.high * one_BT
    if g is None:
        raise ValueError(
            "bounds that follow entropy require g over the whole rollout: see sspo/objective/context.py"
        )
    return clip.low * g[0], clip.high * g[1]
