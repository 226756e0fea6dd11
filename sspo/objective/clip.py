"""Clip terms: ratios, advantages and bounds -> the term to maximize, and where its gradient was removed.

A new term of the house is a function of TermInputs here, its line in TERM_FUNCTIONS, and a row in sspo/config/choices.py;
a user's own is such a function below @clip_term (docs/extending.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

from sspo.config import TauConfig
from sspo.config.choices import clip_term
from sspo.config.plugins.table import Plugin, PluginTable, called
from sspo.errors import UserError
from sspo.objective.ratio import surrogate_log_ratio, token_log_ratio

__all__ = ["TERM_FUNCTIONS", "ClippedTerm", "Surrogate", "TermInputs", "clip_term"]


@dataclass(frozen=True, kw_only=True)
class TermInputs:
    """Inputs of a clip term. All are (B, T) except tau."""

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
    """The segments that the ratio is averaged over."""
    mask_BT: torch.Tensor
    tau: TauConfig


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
    clipped: ClippedTerm


def ppo(x: TermInputs) -> ClippedTerm:
    """Return min(r A, clip(r, 1 - lo, 1 + hi) A). Clipped: A > 0 and r > 1 + hi, or A < 0 and r < 1 - lo.

    PPO's, arXiv 1707.06347 equation 7; GRPO, DAPO, Dr.GRPO, GSPO and our reading of SSPO differ in other choices.
    """
    ratio_BT = x.log_ratio_BT.exp()
    inside_BT = torch.minimum(torch.maximum(ratio_BT, 1 - x.low_BT), 1 + x.high_BT)
    return ClippedTerm(
        term_BT=torch.minimum(ratio_BT * x.advantage_BT, inside_BT * x.advantage_BT),
        clipped_low_BT=(x.advantage_BT < 0) & (ratio_BT < 1 - x.low_BT),
        clipped_high_BT=(x.advantage_BT > 0) & (ratio_BT > 1 + x.high_BT),
        log_ratio_BT=x.log_ratio_BT,
    )


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
    logp_BT = token_log_ratio(x.logp_BT, torch.zeros_like(x.logp_BT), x.mask_BT)  # finite
    term = _without_clipping(weight_BT * x.advantage_BT * logp_BT, x)
    return ClippedTerm(**{**vars(term), "capped_BT": weight_BT != ratio_BT})


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
    log_ratio_BT = surrogate_log_ratio(held_BT, x.level_id_BT, x.mask_BT)
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
    tau_BT = torch.full_like(x.log_ratio_BT, x.tau.negative).masked_fill(x.advantage_BT > 0, x.tau.positive)
    gate_BT = torch.sigmoid(tau_BT * (x.log_ratio_BT.exp() - 1)) * (4 / tau_BT)
    return _without_clipping(gate_BT * x.advantage_BT, x)


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
    "unclipped": unclipped,
    "cispo": cispo,
    "gmpo": gmpo,
    "sapo": sapo,
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
