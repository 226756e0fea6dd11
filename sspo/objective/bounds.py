"""Clip bounds of every token: fixed, following entropy, or those of a paper.

    none         lo_t = lo,       hi_t = hi
    tanh, ...    lo_t = lo * g_t, hi_t = hi * g_t      (objective/entropy_bounds.py: our reading of arXiv 2511.04256, wide where
                                                        entropy is high and tight where it is low)
    the others   objective/published_bounds.py

g is divided by its token-weighted mean over the rollout, so adaptation moves bounds between tokens and does not widen
them on average; alpha = 0 is exactly a fixed clip. The result is always a pair of distances of the ratio from 1. What is
configured in logs, [-lo, hi] there, means 1 - lo_t = exp(-lo), 1 + hi_t = exp(hi).

A new adaptation is a function here or in one of the two files, its line in a table below, and a row in
sspo/config/choices.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from sspo.config import ClipConfig, ObjectiveConfig
from sspo.config.choices import ADAPTATIONS, TERMS
from sspo.objective.entropy_bounds import G_FUNCTIONS, adapting_entropy, entropy_stats
from sspo.objective.published_bounds import (
    dcpo_bounds,
    espo_multiplier,
    gapo_multiplier,
    hapo_multipliers,
    kl_bounds,
    position_multiplier,
    tv_bounds,
)

Pair = tuple[torch.Tensor, torch.Tensor]
"""(low_BT, high_BT), distances of the ratio from 1."""


@dataclass(frozen=True, kw_only=True)
class RolloutColumns:
    """Everything that bounds may follow, over all responses of a rollout. Row i answers prompt i // group."""

    segment_id_BT: torch.Tensor
    mask_BT: torch.Tensor
    entropy_BT: torch.Tensor | None = None
    """Of the sampling policy, nats."""
    advantage_BT: torch.Tensor | None = None
    """(B, T), or (B, 1) for one advantage per response."""
    group: int | None = None
    """Responses per prompt."""
    vocabulary: int | None = None
    """Number of tokens that the policy chooses from."""
    generator: torch.Generator | None = None
    """Draws the permutation of 'shuffled'."""


def multipliers(seen: RolloutColumns, objective: ObjectiveConfig) -> Pair | None:
    """Return the factors of clip.low and clip.high at each token of a whole rollout, each (B, T), or None if bounds are
    fixed or come from each token's own probability.

    Raises ValueError if a column is missing that the bounds follow.
    """
    found = MULTIPLIERS.get(objective.bounds.adapt)
    return None if found is None else found(seen, objective)


def clip_bounds(g: Pair | None, old_logp_BT: torch.Tensor, objective: ObjectiveConfig) -> Pair:
    """Return (low_BT, high_BT): the ratio is clipped to [1 - low, 1 + high].

    `g` is the result of `multipliers` over the whole rollout. Raises ValueError if bounds follow a rollout and g is None.
    """
    low_BT, high_BT = _as_configured(g, old_logp_BT, objective)
    if _in_logs(objective):
        return -torch.expm1(-low_BT), torch.expm1(high_BT)
    return low_BT, high_BT


def dual_bound(g: Pair | None, objective: ObjectiveConfig) -> torch.Tensor | None:
    """Return clip.dual at each token as a distance of the ratio from 1, (B, T) or a scalar tensor; None without one.

    Bounds that are stated in logs and grow with the position take it along; under any other adaptation it is fixed.
    """
    if objective.clip.dual is None:
        return None
    if g is not None and ADAPTATIONS[objective.bounds.adapt].in_logs:
        return torch.expm1(objective.clip.dual * g[1])
    return torch.tensor(objective.clip.dual, dtype=torch.float64)  # a scalar, which promotes nothing


def _in_logs(objective: ObjectiveConfig) -> bool:
    return TERMS[objective.term].in_logs or ADAPTATIONS[objective.bounds.adapt].in_logs


def _as_configured(g: Pair | None, old_logp_BT: torch.Tensor, objective: ObjectiveConfig) -> Pair:
    clip, adapt = objective.clip, objective.bounds.adapt
    if adapt in FROM_PROBABILITY:
        return FROM_PROBABILITY[adapt](old_logp_BT, clip)
    if adapt == "none":
        one_BT = torch.ones_like(old_logp_BT)
        return clip.low * one_BT, clip.high * one_BT
    if g is None:
        raise ValueError(
            f"bounds.adapt='{adapt}' requires factors over the whole rollout: see sspo/objective/context.py"
        )
    return clip.low * g[0], clip.high * g[1]


def _entropy_g(seen: RolloutColumns, objective: ObjectiveConfig) -> Pair:
    """Return the g of bounds that follow entropy, of token-weighted mean one, on the sides that adapt."""
    bounds, mask_BT = objective.bounds, seen.mask_BT
    h_BT = _entropy(seen, objective)
    g_BT = G_FUNCTIONS[bounds.adapt](h_BT, entropy_stats(h_BT, mask_BT, bounds), bounds.alpha)
    g_mean = torch.where(mask_BT, g_BT, 0.0).sum() / mask_BT.sum().clamp(min=1)
    g_BT, one_BT = g_BT / g_mean, torch.ones_like(g_BT)
    return (one_BT if bounds.side == "high" else g_BT), (one_BT if bounds.side == "low" else g_BT)


def _hapo(seen: RolloutColumns, objective: ObjectiveConfig) -> Pair:
    h_BT = _entropy(seen, objective)
    stats = entropy_stats(h_BT, seen.mask_BT, objective.bounds)
    return hapo_multipliers(h_BT, objective.bounds.alpha, stats)


def _espo(seen: RolloutColumns, objective: ObjectiveConfig) -> Pair:
    if seen.vocabulary is None:
        raise ValueError("bounds.adapt='espo' requires the number of tokens of the vocabulary")
    g_BT = espo_multiplier(_entropy(seen, objective), seen.vocabulary)
    return g_BT, g_BT


def _gapo(seen: RolloutColumns, objective: ObjectiveConfig) -> Pair:
    if seen.advantage_BT is None or seen.group is None:
        raise ValueError("bounds.adapt='gapo' requires advantages and the size of the prompts' groups")
    high_B = gapo_multiplier(seen.advantage_BT, seen.group, objective.clip)
    one_BT = torch.ones(seen.mask_BT.shape, dtype=high_B.dtype, device=high_B.device)
    return one_BT, one_BT * high_B[:, None]


def _position(seen: RolloutColumns, objective: ObjectiveConfig) -> Pair:
    columns = seen.entropy_BT, seen.advantage_BT
    dtype = next((column.dtype for column in columns if column is not None), torch.get_default_dtype())
    g_BT = position_multiplier(seen.mask_BT, objective.bounds.alpha, dtype)
    return g_BT, g_BT


def _entropy(seen: RolloutColumns, objective: ObjectiveConfig) -> torch.Tensor:
    if seen.entropy_BT is None:
        raise ValueError(f"bounds.adapt='{objective.bounds.adapt}' requires entropy_BT")
    columns = seen.entropy_BT, seen.segment_id_BT, seen.mask_BT
    return adapting_entropy(*columns, objective.bounds, seen.generator)


MULTIPLIERS: dict[str, Callable[[RolloutColumns, ObjectiveConfig], Pair]] = {
    **dict.fromkeys(G_FUNCTIONS, _entropy_g),
    "hapo": _hapo,
    "espo": _espo,
    "gapo": _gapo,
    "position": _position,
}
"""Adaptations whose bounds are factors of clip.low and clip.high that take a whole rollout to compute."""
FROM_PROBABILITY: dict[str, Callable[[torch.Tensor, ClipConfig], Pair]] = {
    "dcpo": dcpo_bounds,
    "binary_tv": tv_bounds,
    "binary_kl": kl_bounds,
}
"""Adaptations whose bounds come from the probability that each token had when it was sampled."""
