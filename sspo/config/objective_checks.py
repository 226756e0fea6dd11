"""Combinations of an objective's choices that have no meaning, refused with the reason; and which objectives have a
matched form.

Every axis value is already valid here; sspo/config/validation.py checks that.
"""

from __future__ import annotations

from dataclasses import asdict

from sspo.config import BoundsConfig, ClipConfig, KeptConfig, KernelConfig, ObjectiveConfig, TauConfig
from sspo.config.choices import ADAPTATIONS, TERMS
from sspo.errors import NoEffect, UserError


def check_objective(objective: ObjectiveConfig) -> None:
    """Raise UserError for the first invalid number or combination of choices."""
    _check_term_options(objective)
    _check_options(objective)
    _check_level(objective)
    bounds = TERMS[objective.term].bounds
    if not bounds:
        _check_boundless(objective)
    _check_bounds(objective)
    if bounds:
        _check_clip(objective)


def why_unmatched(objective: ObjectiveConfig) -> str | None:
    """Return why no scale of clip.low and clip.high gives the objective a chosen clip fraction, or None if one does."""
    term = TERMS[objective.term]
    if term.in_logs:
        return f"term '{objective.term}' clips log-ratios, but bounds are matched by scaling distances of the ratio"
    if not term.matchable:
        return f"no bound of term '{objective.term}' removes a token's gradient"
    adapt = objective.bounds.adapt
    if not ADAPTATIONS[adapt].multiples:
        return f"the bounds of '{adapt}' are not multiples of clip.low and clip.high"
    if objective.clip.dual is not None:
        return "clip.dual removes gradients at a bound that is not scaled with clip.low and clip.high"
    return None


def widest_g(bounds: BoundsConfig) -> float:
    """Return the largest factor by which adaptation can widen a bound; for a g of bounded range, its maximum over the
    least mean that divides it. 1 for rules whose bounds may exceed 1, where a token has no lower bound.
    """
    facts, strength = ADAPTATIONS[bounds.adapt], abs(bounds.alpha)
    if not facts.bounded:
        return 1.0
    return (1 + strength) / (1 - strength) if facts.mean_one else 1 + strength


def _check_term_options(objective: ObjectiveConfig) -> None:
    """Refuse options of a term that are out of range, or that the objective's term does not use."""
    for group, default, of_terms in (
        ("tau", TauConfig(), "it is the temperature of the gate"),
        ("kernel", KernelConfig(), "it shapes the weight"),
        ("kept", KeptConfig(), "it scales gradients beyond the bounds"),
    ):
        config = getattr(objective, group)
        least = 0 if group == "kept" else None
        for key, value in asdict(config).items():
            if not (value == least or 0 < value < float("inf")):
                kind = "a finite number of at least 0" if least == 0 else "a positive finite number"
                raise UserError(f"objective.{group}.{key} must be {kind}, got {value}")
        if not getattr(TERMS[objective.term], group) and config != default:
            raise NoEffect(
                f"objective.{group}",
                f"objective.{group} has no effect on term '{objective.term}': {of_terms} of objective.term="
                + " or ".join(name for name, term in TERMS.items() if getattr(term, group)),
            )


def _check_level(objective: ObjectiveConfig) -> None:
    """Refuse ratio levels and poolings that do not fit together, or not the term."""
    ratio, pooling, term = objective.ratio, objective.pooling, objective.term
    if ratio == "token" and pooling == "sum":
        raise NoEffect(
            "objective.pooling",
            "objective.pooling=sum has no effect on objective.ratio=token, which pools nothing: set objective.pooling=mean",
        )
    if term == "gmpo" and (ratio == "prefix" or pooling == "sum"):
        raise UserError(
            f"term 'gmpo' is a geometric mean over the ratio's level, but objective.ratio={ratio} with "
            f"objective.pooling={pooling} is not one: set objective.pooling=mean and a ratio of response, segment or token"
        )


def _check_options(objective: ObjectiveConfig) -> None:
    kl, tis, mis = objective.kl, objective.tis_cap, objective.mis_cap
    if not 0 <= kl.coef < float("inf"):
        raise UserError(f"objective.kl.coef must be a finite number of at least 0, got {kl.coef}")
    if tis is not None and not 0 < tis < float("inf"):
        raise UserError(
            f"objective.tis_cap must be a positive finite number, or null for no correction, got {tis}"
        )
    if mis is not None and not 1 < mis < float("inf"):
        raise UserError(
            "objective.mis_cap must be a finite number above 1, because responses count if their mean ratio is between its inverse and it, "
            f"or null to mask none, got {mis}"
        )


def _check_boundless(objective: ObjectiveConfig) -> None:
    adapt, clip = objective.bounds.adapt, objective.clip
    if adapt != "none":
        raise NoEffect(
            "objective.bounds.adapt",
            f"objective.bounds.adapt={adapt} has no effect on term '{objective.term}', which has no bounds: set "
            "objective.bounds.adapt=none and objective.bounds.alpha=0, or objective.term=ppo",
        )
    if clip != ClipConfig():
        raise NoEffect(
            "objective.clip",
            f"objective.clip has no effect on term '{objective.term}', which has no bounds: leave clip.low and clip.high at "
            f"{ClipConfig().low:g} and {ClipConfig().high:g}, got {clip.low:g} and {clip.high:g}, or set objective.term=ppo",
        )


def _check_clip(objective: ObjectiveConfig) -> None:
    clip, bounds, term = objective.clip, objective.bounds, TERMS[objective.term]
    if not 0 < clip.high < float("inf"):
        raise UserError(f"objective.clip.high must be a positive finite number, got {clip.high}")
    _check_dual(objective)
    if ADAPTATIONS[bounds.adapt].groups and clip.high < clip.low:
        raise UserError(
            f"objective.clip.high must be at least objective.clip.low for the bounds of '{bounds.adapt}', which lie between the two, got "
            f"{clip.high:g} and {clip.low:g}"
        )
    if term.in_logs or ADAPTATIONS[bounds.adapt].in_logs:
        if not 0 < clip.low < float("inf"):
            whose = f"term '{objective.term}'" if term.in_logs else f"adaptation '{bounds.adapt}'"
            raise UserError(
                f"objective.clip.low must be a positive finite number: {whose} clips log-ratios at -low, got {clip.low}"
            )
        return
    if ADAPTATIONS[bounds.adapt].shares and 0 < clip.low < float("inf"):
        return
    no_lower = term.open_below and clip.low == 1 and (bounds.adapt == "none" or bounds.side == "high")
    if no_lower:
        return
    if not 0 < clip.low < 1:
        also = ", or 1 for no lower bound" if term.open_below else ""
        raise UserError(
            f"objective.clip.low must be in (0, 1){also}: the ratio's lower bound is 1 - low, got {clip.low}"
        )
    widest = widest_g(bounds)
    if bounds.side != "high" and clip.low * widest >= 1:
        raise UserError(_too_wide(clip, bounds, widest))


def _check_dual(objective: ObjectiveConfig) -> None:
    dual, term = objective.clip.dual, TERMS[objective.term]
    if dual is None:
        return
    if not term.dual:
        raise NoEffect(
            "objective.clip.dual",
            f"objective.clip.dual has no effect on term '{objective.term}': leave it null, or set objective.term="
            + " or ".join(name for name, other in TERMS.items() if other.dual),
        )
    if not 0 < dual < float("inf"):
        raise UserError(f"objective.clip.dual must be a positive finite number or null, got {dual}")


def _too_wide(clip: ClipConfig, bounds: BoundsConfig, widest: float) -> str:
    return (
        f"objective.clip.low={clip.low} with objective.bounds.alpha={bounds.alpha} can widen to "
        f"{clip.low * widest:.2f}, a lower bound of zero or less: keep clip.low below {1 / widest:.2f}"
    )


def _check_bounds(objective: ObjectiveConfig) -> None:
    bounds, adapt, facts = objective.bounds, objective.bounds.adapt, ADAPTATIONS[objective.bounds.adapt]
    if facts.positive and not 0 < bounds.alpha <= 1:
        raise UserError(
            f"objective.bounds.alpha must be in (0, 1] for the bounds of '{adapt}', got {bounds.alpha}"
        )
    if not facts.positive and not -1 < bounds.alpha < 1:
        raise UserError(f"objective.bounds.alpha must be in (-1, 1), got {bounds.alpha}")
    if not facts.alpha and bounds.alpha != 0:
        raise NoEffect(
            "objective.bounds.alpha",
            f"objective.bounds.alpha={bounds.alpha} has no effect while objective.bounds.adapt is '{adapt}': "
            "set objective.bounds.adapt=tanh, or alpha to 0",
        )
    if not facts.mean_one and bounds.side != "both":
        if adapt == "none":
            raise NoEffect(
                "objective.bounds.side",
                f"objective.bounds.side={bounds.side} has no effect while objective.bounds.adapt is 'none': set "
                "objective.bounds.adapt=tanh, or side to both",
            )
        raise NoEffect(
            "objective.bounds.side",
            f"objective.bounds.side={bounds.side} has no effect on the bounds of '{adapt}', whose formula determines both "
            "sides: set objective.bounds.side=both",
        )
    if not facts.entropy and bounds.entropy_level != BoundsConfig().entropy_level:
        raise NoEffect(
            "objective.bounds.entropy_level",
            f"objective.bounds.entropy_level={bounds.entropy_level} has no effect while objective.bounds.adapt is '{adapt}', which "
            f"does not follow entropy: set objective.bounds.adapt=tanh, or entropy_level to {BoundsConfig().entropy_level}",
        )
    if (facts.own_ratio or facts.in_logs) and TERMS[objective.term].in_logs:
        raise UserError(
            f"objective.term={objective.term} clips log-ratios, but the bounds of '{adapt}' are derived for ratios: set "
            "objective.term=ppo"
        )
    if facts.own_ratio and objective.ratio != "token":
        raise UserError(
            f"the bounds of '{adapt}' come from each token's own probability, but objective.ratio={objective.ratio} averages over "
            "tokens: set objective.ratio=token"
        )
