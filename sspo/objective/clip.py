"""Clip terms: ratios, advantages and bounds -> the term to maximize, and where its gradient was removed.

A new term of the house is a function of TermInputs here, its line in TERM_FUNCTIONS, and a row in sspo/config/choices.py;
a user's own is such a function below @clip_term (docs/extending.md).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch

from sspo.config import ObjectiveConfig
from sspo.config.choices import clip_term
from sspo.config.plugins.table import Plugin, PluginTable, called
from sspo.errors import UserError
from sspo.objective.ratio import MAX_LOG_RATIO, surrogate_log_ratio, token_log_ratio

__all__ = ["TERM_FUNCTIONS", "ClippedTerm", "Surrogate", "TermInputs", "clip_term"]


@dataclass(frozen=True, kw_only=True)
class TermInputs:
    """Inputs of a clip term. All tensors are (B, T)."""

    logp_BT: torch.Tensor
    """Carries the gradient."""
    d_BT: torch.Tensor
    """The tokens' own log-ratios (nats), 0 off the mask."""
    log_ratio_BT: torch.Tensor
    """Log-ratios at the objective's ratio level (nats)."""
    advantage_BT: torch.Tensor
    low_BT: torch.Tensor
    high_BT: torch.Tensor
    """Bounds of the ratio: 1 - low and 1 + high."""
    level_id_BT: torch.Tensor
    """The segments that the ratio is pooled over; of level 'prefix' the response."""
    mask_BT: torch.Tensor
    objective: ObjectiveConfig
    """Options of the term are here: tau, kernel, kept."""
    dual_BT: torch.Tensor | None = None
    """The second upper bound of the ratio where A < 0, 1 + dual; None without one."""


@dataclass(frozen=True, kw_only=True)
class ClippedTerm:
    """term_BT is to be maximized; a clipped token has no gradient."""

    term_BT: torch.Tensor
    clipped_low_BT: torch.Tensor
    clipped_high_BT: torch.Tensor
    log_ratio_BT: torch.Tensor
    """Log-ratio that the term used (nats)."""
    capped_BT: torch.Tensor | None = None
    """True where a ratio was capped and the gradient was kept; None if the term has no cap."""


@dataclass(frozen=True, kw_only=True)
class Surrogate:
    """The term of each token before anything is summed."""

    d_BT: torch.Tensor
    """The tokens' own log-ratios, nats."""
    low_BT: torch.Tensor
    high_BT: torch.Tensor
    dual_BT: torch.Tensor | None
    clipped: ClippedTerm


def ppo(x: TermInputs) -> ClippedTerm:
    """Return min(r A, clip(r, 1 - lo, 1 + hi) A). Clipped: A > 0 and r > 1 + hi, or A < 0 and r < 1 - lo.

    PPO's, arXiv 1707.06347 equation 7; GRPO, DAPO, Dr.GRPO, GSPO and our reading of SSPO differ in other choices. With
    clip.dual, where A < 0, the larger of that and (1 + dual) A (the dual clip of arXiv 1912.09729): a ratio above
    1 + dual counts as clipped high.
    """
    ratio_BT = x.log_ratio_BT.exp()
    least_BT, most_BT = 1 - x.low_BT, 1 + x.high_BT
    low_BT, high_BT = _beyond(ratio_BT, least_BT, most_BT, x.advantage_BT)
    # minimum and maximum would halve the gradient of a ratio right at its bound, such as 1 at a bound of 0 where entropy is 0
    most_BT = most_BT.masked_fill(ratio_BT == most_BT, math.inf)
    least_BT = least_BT.masked_fill(ratio_BT == least_BT, -math.inf)
    inside_BT = torch.minimum(torch.maximum(ratio_BT, least_BT), most_BT)
    term_BT = torch.minimum(ratio_BT * x.advantage_BT, inside_BT * x.advantage_BT)
    if x.dual_BT is not None:
        beyond_BT = (x.advantage_BT < 0) & (ratio_BT > 1 + x.dual_BT)
        term_BT = torch.where(beyond_BT, (1 + x.dual_BT) * x.advantage_BT, term_BT)
        high_BT = high_BT | beyond_BT
    return ClippedTerm(
        term_BT=term_BT,
        clipped_low_BT=low_BT,
        clipped_high_BT=high_BT,
        log_ratio_BT=x.log_ratio_BT,
    )


def masked(x: TermInputs) -> ClippedTerm:
    """Return M r A, M = 0 where PPO clips and 1 elsewhere (DPPO, arXiv 2602.04879): PPO's gradient, another value.

    With bounds 'binary_tv' or 'binary_kl', M is the paper's mask of tokens whose divergence exceeds the threshold in the
    direction of A.
    """
    clipped = ppo(x)
    clipped_BT = clipped.clipped_low_BT | clipped.clipped_high_BT
    term_BT = torch.where(clipped_BT, 0.0, x.log_ratio_BT.exp() * x.advantage_BT)
    return replace(clipped, term_BT=term_BT)


def unclipped(x: TermInputs) -> ClippedTerm:
    """Return r A: the bounds are not used."""
    return _without_clipping(x.log_ratio_BT.exp() * x.advantage_BT, x)


def cispo(x: TermInputs) -> ClippedTerm:
    """Return sg(clip(r, 1 - lo, 1 + hi)) A log pi (CISPO, arXiv 2506.13585): weights are capped, gradients never
    removed.

    lo = 1 means no lower bound, as in the paper, which tunes only hi and does not print it; hi = 4, a cap of 5, is that
    of ScaleRL (arXiv 2510.13786). The value estimates nothing: only its gradient is meaningful.
    """
    ratio_BT = x.log_ratio_BT.detach().exp()
    weight_BT = torch.minimum(torch.maximum(ratio_BT, 1 - x.low_BT), 1 + x.high_BT)
    term = _without_clipping(weight_BT * x.advantage_BT * _finite_logp(x), x)
    return replace(term, capped_BT=weight_BT != ratio_BT)


def ce_gppo(x: TermInputs) -> ClippedTerm:
    """Return kept.low (1 - lo) A r / sg(r) where PPO clips low, kept.high (1 + hi) A r / sg(r) where it clips high, and r A
    elsewhere (CE-GPPO, arXiv 2509.20712).

    A token beyond its bound keeps the gradient that it would have at the bound, times kept: 0.75 below and 1 above are
    the paper's for its 7B model (beta_1 and beta_2). 0 and 0 give PPO's gradient.
    """
    ratio_BT = x.log_ratio_BT.exp()
    least_BT, most_BT = 1 - x.low_BT, 1 + x.high_BT
    low_BT, high_BT = _beyond(ratio_BT, least_BT, most_BT, x.advantage_BT)
    kept, own_BT = x.objective.kept, (x.log_ratio_BT - x.log_ratio_BT.detach()).exp()
    weight_BT = torch.where(low_BT, kept.low * least_BT, kept.high * most_BT)
    term_BT = torch.where(low_BT | high_BT, weight_BT * own_BT, ratio_BT) * x.advantage_BT
    return replace(_without_clipping(term_BT, x), capped_BT=low_BT | high_BT)


def vespo(x: TermInputs) -> ClippedTerm:
    """Return sg(phi) A log pi, phi = W^k exp(lambda (1 - W)) of the pooled ratio W (VESPO, arXiv 2602.10693 equation 20).

    The paper's W is the ratio of whole responses, the product of the tokens' (ratio=response, pooling=sum); k and lambda
    are 2 and 3 where A >= 0, 3 and 2 elsewhere. phi(1) = 1. The value estimates nothing: only its gradient is meaningful.
    """
    kernel, good_BT = x.objective.kernel, x.advantage_BT >= 0
    log_w_BT = x.log_ratio_BT.detach()
    power_BT = torch.full_like(log_w_BT, kernel.power_negative).masked_fill(good_BT, kernel.power_positive)
    decay_BT = torch.full_like(log_w_BT, kernel.decay_negative).masked_fill(good_BT, kernel.decay_positive)
    log_phi_BT = power_BT * log_w_BT + decay_BT * (1 - log_w_BT.exp())
    phi_BT = log_phi_BT.clamp(max=MAX_LOG_RATIO).exp()
    return _without_clipping(phi_BT * x.advantage_BT * _finite_logp(x), x)


def gmpo(x: TermInputs) -> ClippedTerm:
    """Return A exp(mean_t c_t), c_t = sgn(A) min(sgn(A) d_t, sgn(A) clip(d_t, -lo, hi)) (GMPO, arXiv 2507.20673).

    Each token's log-ratio is clipped on the side towards which A pushes it, before the geometric mean is taken over the
    ratio level: over the response in the paper. The clip is configured in logs, lo = hi = 0.4 (ratios 0.67 to 1.49). A
    clipped token has no gradient of its own, but its value stays in the mean that scales the others'.
    """
    up_BT, down_BT = torch.log1p(x.high_BT), torch.log1p(-x.low_BT)
    high_BT = (x.advantage_BT > 0) & (x.d_BT > up_BT) & x.mask_BT
    low_BT = (x.advantage_BT < 0) & (x.d_BT < down_BT) & x.mask_BT
    held_BT = torch.where(high_BT, up_BT, torch.where(low_BT, down_BT, x.d_BT))
    log_ratio_BT = surrogate_log_ratio(held_BT, "segment", x.level_id_BT, x.mask_BT)
    return ClippedTerm(
        term_BT=log_ratio_BT.exp() * x.advantage_BT,
        clipped_low_BT=low_BT,
        clipped_high_BT=high_BT,
        log_ratio_BT=log_ratio_BT,
    )


def sapo(x: TermInputs) -> ClippedTerm:
    """Return A sigmoid(tau (r - 1)) 4 / tau, tau by the sign of A (SAPO, arXiv 2511.20347): a soft gate, no clip.

    tau 1.0 where A > 0 and 1.05 elsewhere are the paper's; the factor makes the gradient at r = 1 that of r A.
    """
    tau = x.objective.tau
    tau_BT = torch.full_like(x.log_ratio_BT, tau.negative).masked_fill(x.advantage_BT > 0, tau.positive)
    gate_BT = torch.sigmoid(tau_BT * (x.log_ratio_BT.exp() - 1)) * (4 / tau_BT)
    return _without_clipping(gate_BT * x.advantage_BT, x)


def _beyond(
    ratio_BT: torch.Tensor, least_BT: torch.Tensor, most_BT: torch.Tensor, advantage_BT: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the tokens below and above the bounds of the ratio towards which A pushes them."""
    return (advantage_BT < 0) & (ratio_BT < least_BT), (advantage_BT > 0) & (ratio_BT > most_BT)


def _finite_logp(x: TermInputs) -> torch.Tensor:
    """Return the tokens' log-probabilities with their gradient, finite everywhere."""
    return token_log_ratio(x.logp_BT, torch.zeros_like(x.logp_BT), x.mask_BT)


def _without_clipping(term_BT: torch.Tensor, x: TermInputs) -> ClippedTerm:
    nowhere_BT = torch.zeros_like(x.advantage_BT, dtype=torch.bool)
    return ClippedTerm(
        term_BT=term_BT,
        clipped_low_BT=nowhere_BT,
        clipped_high_BT=nowhere_BT,
        log_ratio_BT=x.log_ratio_BT,
    )


HOUSE_FUNCTIONS: Mapping[str, Callable[[TermInputs], ClippedTerm]] = {
    "ppo": ppo,
    "masked": masked,
    "unclipped": unclipped,
    "cispo": cispo,
    "ce_gppo": ce_gppo,
    "gmpo": gmpo,
    "sapo": sapo,
    "vespo": vespo,
}


def _own(plugin: Plugin) -> Callable[[TermInputs], ClippedTerm]:
    """Return a user's own term, whose result is checked."""
    function = called(plugin)

    def checked(x: TermInputs) -> ClippedTerm:
        found = function(x)
        if not isinstance(found, ClippedTerm):
            raise UserError(
                f"{plugin.key}={plugin.name} must return a ClippedTerm of sspo.objective.clip, got {type(found).__name__}"
            )
        if x.logp_BT.requires_grad and not found.term_BT.requires_grad and torch.is_grad_enabled():
            raise UserError(
                f"{plugin.key}={plugin.name}: term_BT has no gradient; compute it from log_ratio_BT without detaching it"
            )
        for name, value in vars(found).items():
            if value is not None and value.shape != x.mask_BT.shape:
                raise UserError(
                    f"{plugin.key}={plugin.name}: {name} must have the shape of mask_BT, {tuple(x.mask_BT.shape)}, got "
                    f"{tuple(value.shape)}"
                )
        return found

    return checked


TERM_FUNCTIONS: Mapping[str, Callable[[TermInputs], ClippedTerm]] = PluginTable("term", HOUSE_FUNCTIONS, _own)
