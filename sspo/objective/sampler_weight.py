"""Weights of token terms for a sampler whose numerics differ from the trainer's: w = pi_old / pi_sampler.

Truncated importance sampling caps each token's w (Ionides 2008; for LLM training Yao et al. 2025, "Your efficient RL
framework secretly brings you off-policy RL training", with a cap of 2). Masked importance sampling drops a response
whose geometric mean of w leaves [1 / cap, cap]: its terms are multiplied by 0, and the loss's divisor is unchanged.
That condition is verl's rejection by geometric mean (Liu, Li et al. 2025, "When Speed Kills Stability"), which also
removes the response from the divisor; keeping it there follows TRL's `sequence_mask`, which tests the product of w
instead of its mean.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from sspo.config import ObjectiveConfig
from sspo.objective.ratio import token_log_ratio
from sspo.types import LossContext


@dataclass(frozen=True, kw_only=True)
class SamplerWeights:
    """Weights of both options; None for an option that is off."""

    truncated_BT: torch.Tensor | None
    """min(w, tis_cap) of each token."""
    kept_B: torch.Tensor | None
    """True if the response counts under mis_cap."""

    def weigh(self, term_BT: torch.Tensor) -> torch.Tensor:
        """Return each token's term times its weights, which are constants to the gradient."""
        if self.truncated_BT is not None:
            term_BT = self.truncated_BT * term_BT
        return term_BT if self.kept_B is None else self.kept_B[:, None] * term_BT


def sampler_weights(
    old_logp_BT: torch.Tensor, context: LossContext, mask_BT: torch.Tensor, objective: ObjectiveConfig
) -> SamplerWeights | None:
    """Return the weights that the objective requires, or None if it requires none.

    Raises ValueError if it requires weights and the context has no sampler log-probabilities.
    """
    required = list(objective.sampler_caps)
    if not required:
        return None
    if context.extras.sampler_logp_BT is None:
        raise ValueError(f"objective.{required[0]} requires the sampler's log-probabilities in the context")
    log_w_BT = token_log_ratio(old_logp_BT, context.extras.sampler_logp_BT, mask_BT)
    tis, mis = objective.tis_cap, objective.mis_cap
    return SamplerWeights(
        truncated_BT=None if tis is None else log_w_BT.exp().clamp(max=tis),
        kept_B=None if mis is None else _kept(log_w_BT, mask_BT, mis),
    )


def _kept(log_w_BT: torch.Tensor, mask_BT: torch.Tensor, cap: float) -> torch.Tensor:
    """Return which responses have a mean log w within +-log(cap); a response without tokens does."""
    mean_B = log_w_BT.double().sum(1) / mask_BT.sum(1).clamp(min=1)
    return mean_B.abs() <= math.log(cap)
