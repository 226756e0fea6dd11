"""What a token's term weighs where the sampler computes by other numerics than the trainer: w = pi_old / pi_sampler.

Truncated importance sampling cuts each token's w at a cap (Ionides 2008; for LLM training Yao et al. 2025, "Your efficient RL
framework secretly brings you off-policy RL training", with a cap of 2). Masked importance sampling drops a response whose
geometric mean of w leaves [1 / cap, cap]: its terms are multiplied by 0, and what the loss divides by stays. That condition is
verl's rejection by geometric mean (Liu, Li et al. 2025, "When Speed Kills Stability"), which also takes the response out of what
it divides by; that it stays there is TRL's `sequence_mask`, which looks at the product of w instead of its mean.
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
    """Weights of both options; None for the one that is off."""

    truncated_BT: torch.Tensor | None
    """min(w, tis_cap) of each token."""
    kept_B: torch.Tensor | None
    """Whether a response counts under mis_cap."""

    def weigh(self, term_BT: torch.Tensor) -> torch.Tensor:
        """Each token's term times its weights, which are constants to the gradient."""
        if self.truncated_BT is not None:
            term_BT = self.truncated_BT * term_BT
        return term_BT if self.kept_B is None else self.kept_B[:, None] * term_BT


def sampler_weights(
    old_logp_BT: torch.Tensor, context: LossContext, mask_BT: torch.Tensor, objective: ObjectiveConfig
) -> SamplerWeights | None:
    """The weights that the objective asks for; None where it asks for none."""
    asked = [name for name in ("tis_cap", "mis_cap") if getattr(objective, name) is not None]
    if not asked:
        return None
    if context.extras.sampler_logp_BT is None:
        raise ValueError(f"objective.{asked[0]} asks for the sampler's log-probabilities in the context")
    log_w_BT = token_log_ratio(old_logp_BT, context.extras.sampler_logp_BT, mask_BT)
    tis, mis = objective.tis_cap, objective.mis_cap
    return SamplerWeights(
        truncated_BT=None if tis is None else log_w_BT.exp().clamp(max=tis),
        kept_B=None if mis is None else _kept(log_w_BT, mask_BT, mis),
    )


def _kept(log_w_BT: torch.Tensor, mask_BT: torch.Tensor, cap: float) -> torch.Tensor:
    """Responses whose mean log w is within +-log(cap); one without a token is."""
    mean_B = log_w_BT.double().sum(1) / mask_BT.sum(1).clamp(min=1)
    return mean_B.abs() <= math.log(cap)
