"""Metrics of the loss, keyed by the glossary; nothing is read back from the device here."""

from __future__ import annotations

import math

import torch

from sspo.config import ObjectiveConfig
from sspo.config.choices import TERMS
from sspo.metrics import PERCENTILES, SHARES, Metric, observe
from sspo.objective.clip import ClippedTerm, Surrogate
from sspo.objective.ratio import segment_size, segments_of
from sspo.objective.sampler_weight import SamplerWeights

EXTREME = math.log(1.5)
"""A token is extreme if its own ratio is above 1.5 or below 1 / 1.5."""


def diagnose(
    loss: torch.Tensor,
    seen: Surrogate,
    advantage_BT: torch.Tensor,
    mask_BT: torch.Tensor,
    segment_id_BT: torch.Tensor,
    objective: ObjectiveConfig,
) -> dict[str, Metric]:
    """Return the metrics of one (micro-)batch; those of bounds only if the term has bounds."""
    d_BT, clipped = seen.d_BT.detach(), seen.clipped
    metrics = {"policy/loss": observe("policy/loss", loss.detach())}
    metrics |= _clip_fractions(advantage_BT, mask_BT, segment_id_BT, clipped)
    metrics |= _ratios(d_BT, clipped.log_ratio_BT.detach(), mask_BT)
    metrics |= _extremes(seen, advantage_BT, mask_BT)
    if TERMS[objective.term].bounds:
        metrics |= _bounds("low", seen.low_BT, mask_BT) | _bounds("high", seen.high_BT, mask_BT)
    return metrics


def diagnose_options(
    clipped: ClippedTerm,
    kl_BT: torch.Tensor | None,
    weights: SamplerWeights | None,
    mask_BT: torch.Tensor,
    objective: ObjectiveConfig,
) -> dict[str, Metric]:
    """Return the metrics that only some objectives have: capped weights, a KL penalty, weights against the sampler."""
    metrics, tokens = {}, mask_BT.sum()

    def share(key: str, value_BT: torch.Tensor) -> None:
        metrics[key] = observe(key, torch.where(mask_BT, value_BT, 0).sum(), tokens)

    if clipped.capped_BT is not None:
        share("policy/capped_frac", clipped.capped_BT)
    if kl_BT is not None:
        share("policy/kl_reference", kl_BT.detach())
    if weights is not None and weights.truncated_BT is not None and objective.tis_cap is not None:
        share("policy/tis_weight_mean", weights.truncated_BT)
        share("policy/tis_capped_frac", weights.truncated_BT >= objective.tis_cap)
    if weights is not None and weights.kept_B is not None:
        masked, responses = (~weights.kept_B).sum(), mask_BT.any(1).sum()
        metrics["policy/mis_masked_frac"] = observe("policy/mis_masked_frac", masked, responses)
    return metrics


def _clip_fractions(
    advantage_BT: torch.Tensor, mask_BT: torch.Tensor, segment_id_BT: torch.Tensor, clipped: ClippedTerm
) -> dict[str, Metric]:
    low_BT = clipped.clipped_low_BT & mask_BT
    high_BT = clipped.clipped_high_BT & mask_BT
    any_BT = low_BT | high_BT
    tokens, active = mask_BT.sum(), ((advantage_BT != 0) & mask_BT).sum()
    metrics = {"policy/active_token_frac": observe("policy/active_token_frac", active, tokens)}
    for suffix, flag_BT in (("", any_BT), ("_low", low_BT), ("_high", high_BT)):
        for level, count in (("policy/clip_frac", tokens), ("policy/clip_frac_active", active)):
            metrics[level + suffix] = observe(level + suffix, flag_BT.sum(), count)
    share_of_segment = (any_BT / segment_size(segment_id_BT, mask_BT)).sum()
    share_of_response = (any_BT.sum(1) / mask_BT.sum(1).clamp(min=1)).sum()
    segments = segments_of(segment_id_BT).sum()
    responses = mask_BT.any(1).sum()
    metrics["policy/clip_frac_segment"] = observe("policy/clip_frac_segment", share_of_segment, segments)
    metrics["policy/clip_frac_response"] = observe("policy/clip_frac_response", share_of_response, responses)
    return metrics


def _ratios(d_BT: torch.Tensor, log_ratio_BT: torch.Tensor, mask_BT: torch.Tensor) -> dict[str, Metric]:
    tokens = mask_BT.sum()
    ratio_BT = torch.where(mask_BT, log_ratio_BT.exp(), 0.0)
    d_BT = d_BT.double()
    k3_BT = torch.where(mask_BT, d_BT.expm1() - d_BT, 0.0)
    infinity = float("inf")
    seen_BT = ratio_BT.where(mask_BT, float("nan"))
    return {
        "policy/ratio_mean": observe("policy/ratio_mean", ratio_BT.sum(), tokens),
        "policy/ratio_std": _spread("policy/ratio_std", ratio_BT.double(), tokens),
        "policy/ratio_min": observe("policy/ratio_min", ratio_BT.where(mask_BT, infinity).min()),
        "policy/ratio_max": observe("policy/ratio_max", ratio_BT.where(mask_BT, -infinity).max()),
        **{key: observe(key, seen_BT) for key in (f"policy/ratio_{p}" for p in PERCENTILES)},
        "policy/token_log_ratio_std": _spread("policy/token_log_ratio_std", d_BT, tokens),
        "policy/kl_k1": observe("policy/kl_k1", -d_BT.sum(), tokens),
        "policy/kl_k3": observe("policy/kl_k3", k3_BT.sum(), tokens),
    }


def _spread(key: str, value_BT: torch.Tensor, tokens: torch.Tensor) -> Metric:
    return observe(key, value_BT.sum(), (value_BT * value_BT).sum(), tokens)


def _extremes(seen: Surrogate, advantage_BT: torch.Tensor, mask_BT: torch.Tensor) -> dict[str, Metric]:
    """Return C2 and C3: extreme tokens that the clip kept, and tokens inside their own bounds that it clipped."""
    d_BT, clipped = seen.d_BT.detach(), seen.clipped
    clipped_BT = (clipped.clipped_low_BT | clipped.clipped_high_BT) & mask_BT
    extreme_BT = (d_BT.abs() > EXTREME) & (advantage_BT * d_BT > 0) & mask_BT
    own_ratio_BT, most_BT = d_BT.exp(), seen.high_BT
    if seen.dual_BT is not None:
        most_BT = torch.where(advantage_BT < 0, seen.dual_BT.to(most_BT.dtype), most_BT)
    inside_BT = torch.where(
        clipped.clipped_low_BT, own_ratio_BT >= 1 - seen.low_BT, own_ratio_BT <= 1 + most_BT
    )
    extremes, clips = extreme_BT.sum(), clipped_BT.sum()
    retained, collateral = (extreme_BT & ~clipped_BT).sum(), (clipped_BT & inside_BT).sum()
    counts = {
        "policy/extreme_tokens": extremes,
        "policy/extreme_retained_tokens": retained,
        "policy/clipped_tokens": clips,
        "policy/collateral_tokens": collateral,
    }
    return {
        **{key: observe(key, count) for key, count in counts.items()},
        **{key: observe(key, counts[share.part], counts[share.whole]) for key, share in SHARES.items()},
    }


def _bounds(side: str, bound_BT: torch.Tensor, mask_BT: torch.Tensor) -> dict[str, Metric]:
    name = f"policy/bound_{side}"
    values_BT = bound_BT.where(mask_BT, float("nan"))
    return {
        f"{name}_mean": observe(f"{name}_mean", bound_BT.where(mask_BT, 0.0).sum(), mask_BT.sum()),
        f"{name}_p10": observe(f"{name}_p10", values_BT),
        f"{name}_p90": observe(f"{name}_p90", values_BT),
    }
