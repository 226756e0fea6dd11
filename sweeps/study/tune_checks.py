"""Checks of `tune`; each refuses in one sentence before anything is composed."""

from __future__ import annotations

import math

from sspo.errors import UserError, shown
from sweeps.study.refusals import at_least, choose
from sweeps.study.space.checks import check_pruner, check_sampler, check_space
from sweeps.study.space.domain import Parameter
from sweeps.study.space.method import PILOT_SEEDS
from sweeps.study.spec import Preset, Study
from sweeps.study.tune import LEAST_TRIALS, TUNED_ROLES, Tune, TuningBudget

MOST_TRIALS = 10_000
"""Trials of an arm: a fit through fewer points chooses nothing."""
CLIP_BOUNDS = frozenset({"objective.clip.low", "objective.clip.high"})
"""The options that a controller of the clip fraction moves."""
TARGET = "objective.bounds.target_clip_frac"


def check_tune(study: Study) -> None:
    """Raise UserError for the first invalid entry of `tune`, or of what a preset changes in it."""
    tune = study.tune
    for name, preset in study.presets.items():
        if tune is None and any(value is not None for value in vars(preset.tune).values()):
            raise UserError(
                f"presets.{name}.tune: the study has no tune that a preset could change; write tune with a space, or leave it out"
            )
    if tune is None:
        return
    check_space(tune.space)
    check_sampler(tune.head.sampler)
    check_pruner(tune.head.pruner)
    at_least("tune.retries", tune.head.retries, 0)
    check_pilot_seeds("tune.seeds", tune.head.seeds)
    check_budget("tune.budget", tune.head.budget)
    for parameter in tune.space:
        _check_arms(study, tune, parameter)
    for name, preset in study.presets.items():
        _check_preset(study, name, preset)


def check_pilot_seeds(key: str, seeds: tuple[int, ...]) -> None:
    """Raise UserError unless seeds are distinct pilot seeds."""
    if not seeds or len(set(seeds)) < len(seeds):
        raise UserError(f"{key} must name one or more different seeds, got {list(seeds)}")
    if min(seeds) < PILOT_SEEDS:
        raise UserError(
            f"{key}: tuning uses pilot seeds, {PILOT_SEEDS} and above, so that no study reports the runs that chose its points, got "
            f"{min(seeds)}"
        )


def check_budget(key: str, budget: TuningBudget) -> None:
    """Raise UserError unless the budget is an amount that a fit can be made from; no unit at all stands for the default."""
    given = {unit: amount for unit, amount in vars(budget).items() if amount is not None}
    if len(given) > 1:
        raise UserError(
            f"{key} has {' and '.join(given)}: give one unit, the same for every arm, so that the comparison is fair"
        )
    for unit, amount in given.items():
        if unit == "trials" and not LEAST_TRIALS <= amount <= MOST_TRIALS:
            raise UserError(
                f"{key}.trials must be at least {LEAST_TRIALS}, because a fit requires points, and at most {MOST_TRIALS}, got {shown(amount)}"
            )
        if not 0 < amount < math.inf:
            raise UserError(f"{key}.{unit} must be a positive number of hours, got {amount:g}")


def options_set(parameter: Parameter) -> frozenset[str]:
    """Return the options that a parameter sets, itself or by a factor."""
    return frozenset(parameter.scales or (parameter.key, *parameter.also))


def _check_arms(study: Study, tune: Tune, parameter: Parameter) -> None:
    where = f"tune.space.{parameter.key}"
    tunable = [name for name, arm in study.arms.items() if arm.role in TUNED_ROLES]
    arms = tunable if parameter.arms is None else parameter.arms
    if not arms or len(set(arms)) < len(arms):
        raise UserError(f"{where}.arms must name one or more different arms, got {list(arms)}")
    for name in arms:
        choose(f"arm in {where}.arms", name, study.arms)
        if name not in tunable:
            raise UserError(
                f"{where}.arms: '{name}' has role {study.arms[name].role}, which is not tuned: name arms of role "
                f"{' or '.join(TUNED_ROLES)}"
            )
    by_key = {other.key: other for other in tune.space}
    for condition in parameter.when:
        other = by_key[condition.key]
        lost = [name for name in arms if other.arms is not None and name not in other.arms]
        if lost:
            raise UserError(
                f"{where}.when: '{condition.key}' is not tuned for arm '{lost[0]}', for which '{parameter.key}' is; give both the same arms"
            )


def _check_preset(study: Study, name: str, preset: Preset) -> None:
    own, tune = preset.tune, study.tuning(name)
    assert tune is not None
    if own.seeds is not None:
        check_pilot_seeds(f"presets.{name}.tune.seeds", own.seeds)
    if own.budget is not None:
        check_budget(f"presets.{name}.tune.budget", own.budget)
    where = "tune.seeds" if own.seeds is None else f"presets.{name}.tune.seeds"
    for key, arm in study.arms.items():
        shared = sorted(set(tune.head.seeds) & set(arm.seeds_in(preset))) if preset.holds(key) else []
        if shared:
            raise UserError(
                f"{where}: arm '{key}' runs seed {shared[0]} in presets.{name}, and a pilot seed never returns; change one of them"
            )
    for key in study.tuned_arms(name):
        _check_target(study, name, key)


def _check_target(study: Study, preset: str, name: str) -> None:
    """Refuse clip bounds that are tuned for an arm whose clip fraction a controller holds, or that were calibrated to one."""
    assert study.tune is not None
    tuned = {option: one.key for one in study.tune.of_arm(name) for option in options_set(one)}
    bound = next((tuned[option] for option in sorted(CLIP_BOUNDS) if option in tuned), None)
    if bound is None:
        return
    words = (*study.presets[preset].overrides, *study.arms[name].overrides)
    held = [word.partition("=")[2] for word in words if word.lstrip("+").startswith(f"{TARGET}=")]
    if TARGET in tuned:
        reason = f"tune.space.{tuned[TARGET]} sets {TARGET}, whose controller moves them"
    elif held and held[-1] != "null":
        reason = f"{TARGET}={held[-1]} of arm '{name}' moves them"
    elif study.arms[name].target_clip_frac is not None:
        reason = f"target_clip_frac of arm '{name}' says that they were calibrated"
    else:
        return
    raise UserError(f"tune.space.{bound} sets clip bounds, but {reason}; leave one of the two out")
