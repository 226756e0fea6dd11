"""Combinations of an objective's choices that have no meaning, refused with the reason; and which objectives have a
matched form.

Every axis value is already valid here; sspo/config/validation.py checks that.
"""

from __future__ import annotations

from sspo.config import BoundsConfig, ClipConfig, ObjectiveConfig, TauConfig
from sspo.config.choices import G_NAMES, TERMS
from sspo.errors import UserError


def check_objective(objective: ObjectiveConfig) -> None:
    """Raise UserError for the first invalid number or combination of choices."""
    _check_options(objective)
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
    if objective.bounds.adapt == "dcpo":
        return "the bounds of 'dcpo' are not multiples of clip.low and clip.high"
    return None


def widest_g(bounds: BoundsConfig) -> float:
    """Return the largest factor by which adaptation can widen a bound; for a g, its maximum over the least mean that
    divides it.
    """
    if bounds.adapt in G_NAMES:
        return (1 + abs(bounds.alpha)) / (1 - abs(bounds.alpha))
    return 1 + bounds.alpha if bounds.adapt == "hapo" else 1.0


def _check_options(objective: ObjectiveConfig) -> None:
    tau, kl, tis, mis = objective.tau, objective.kl, objective.tis_cap, objective.mis_cap
    for key, value in (("positive", tau.positive), ("negative", tau.negative)):
        if not 0 < value < float("inf"):
            raise UserError(f"objective.tau.{key} must be a positive finite number, got {value}")
    if not TERMS[objective.term].tau and tau != TauConfig():
        raise UserError(
            f"objective.tau has no effect on term '{objective.term}': it is the temperature of the gate of objective.term="
            + " or ".join(name for name, term in TERMS.items() if term.tau)
        )
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
        raise UserError(
            f"objective.bounds.adapt={adapt} has no effect on term '{objective.term}', which has no bounds: set "
            "objective.bounds.adapt=none and objective.bounds.alpha=0, or objective.term=ppo"
        )
    if clip != ClipConfig():
        raise UserError(
            f"objective.clip has no effect on term '{objective.term}', which has no bounds: leave clip.low and clip.high at "
            f"{ClipConfig().low:g} and {ClipConfig().high:g}, got {clip.low:g} and {clip.high:g}, or set objective.term=ppo"
        )


def _check_clip(objective: ObjectiveConfig) -> None:
    clip, bounds, term = objective.clip, objective.bounds, TERMS[objective.term]
    if not 0 < clip.high < float("inf"):
        raise UserError(f"objective.clip.high must be a positive finite number, got {clip.high}")
    if term.in_logs:
        if not 0 < clip.low < float("inf"):
            raise UserError(
                f"objective.clip.low must be a positive finite number: term '{objective.term}' clips log-ratios at -low, got {clip.low}"
            )
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


def _too_wide(clip: ClipConfig, bounds: BoundsConfig, widest: float) -> str:
    return (
        f"objective.clip.low={clip.low} with objective.bounds.alpha={bounds.alpha} can widen to "
        f"{clip.low * widest:.2f}, a lower bound of zero or less: keep clip.low below {1 / widest:.2f}"
    )


def _check_bounds(objective: ObjectiveConfig) -> None:
    bounds, adapt = objective.bounds, objective.bounds.adapt
    if adapt == "hapo":
        if not 0 < bounds.alpha <= 1:
            raise UserError(
                f"objective.bounds.alpha must be in (0, 1] for the bounds of 'hapo', got {bounds.alpha}"
            )
    elif not -1 < bounds.alpha < 1:
        raise UserError(f"objective.bounds.alpha must be in (-1, 1), got {bounds.alpha}")
    if adapt in ("none", "dcpo") and bounds.alpha != 0:
        raise UserError(
            f"objective.bounds.alpha={bounds.alpha} has no effect while objective.bounds.adapt is '{adapt}': "
            "set objective.bounds.adapt=tanh, or alpha to 0"
        )
    if adapt == "none" and bounds.side != "both":
        raise UserError(
            f"objective.bounds.side={bounds.side} has no effect while objective.bounds.adapt is 'none': set "
            "objective.bounds.adapt=tanh, or side to both"
        )
    if adapt in ("none", "dcpo") and bounds.entropy_level != BoundsConfig().entropy_level:
        raise UserError(
            f"objective.bounds.entropy_level={bounds.entropy_level} has no effect while objective.bounds.adapt is '{adapt}', which "
            f"does not follow entropy: set objective.bounds.adapt=tanh, or entropy_level to {BoundsConfig().entropy_level}"
        )
    if adapt in ("hapo", "dcpo") and bounds.side != "both":
        raise UserError(
            f"objective.bounds.side={bounds.side} has no effect on the bounds of '{adapt}', whose formula determines both "
            "sides: set objective.bounds.side=both"
        )
    if adapt == "dcpo" and TERMS[objective.term].in_logs:
        raise UserError(
            f"objective.term={objective.term} clips log-ratios, but the bounds of 'dcpo' are derived for ratios: set objective.term=ppo"
        )
    if adapt == "dcpo" and objective.ratio != "token":
        raise UserError(
            f"the bounds of 'dcpo' come from each token's own probability, but objective.ratio={objective.ratio} averages over "
            "tokens: set objective.ratio=token"
        )
