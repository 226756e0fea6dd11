"""Optuna's samplers and pruners, by name."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from sspo.config import TrainConfig
from sspo.randomness import python_stream
from sweeps.search.spec import Search
from sweeps.study.space.method import ROLLOUT, Pruner, Sampler

if TYPE_CHECKING:
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler


def sampler_for(search: Search, number: int) -> BaseSampler:
    """Return the sampler that suggests trial `number`: its stream derives from the search's seed and that number alone.

    So a search that was killed continues as it would have: a sampler has no state to save. Suggestions of `tpe` and `gp` still depend
    on the results available when they are made, whose order is not fixed with several workers. The points of `sobol`, and of `random`
    in parts of one space, depend on the seed, the space and the number of fresh trials before alone.
    """
    import optuna

    spec: Sampler = search.head.sampler
    if spec.name == "sobol" or (spec.name == "random" and search.dimensions):
        return _common_points(search)
    seed = python_stream(spec.seed, "search sampler", number).getrandbits(31)
    if spec.name == "random":
        return optuna.samplers.RandomSampler(seed=seed)
    if spec.name == "gp":
        return optuna.samplers.GPSampler(
            seed=seed, n_startup_trials=spec.startup, warn_independent_sampling=False
        )
    conditional = any(parameter.when for parameter in search.space)
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", optuna.exceptions.ExperimentalWarning
        )  # which options are experimental changes by release
        return optuna.samplers.TPESampler(
            seed=seed,
            n_startup_trials=spec.startup,
            multivariate=True,
            group=conditional,
            constant_liar=True,
        )


def _common_points(search: Search) -> BaseSampler:
    """Return the sampler whose points searches of parts of one space share."""
    from sweeps.search.sequence import CommonPoints, random_draw, sobol_draw

    spec = search.head.sampler
    if spec.name == "random":
        return CommonPoints(random_draw(spec.seed))
    keys = search.dimensions or tuple(parameter.key for parameter in search.space)
    return CommonPoints(sobol_draw(spec.seed, keys))


def pruner_for(spec: Pruner, config: TrainConfig) -> BasePruner:
    """Return the pruner; steps are rollouts of a run with the configuration `config`."""
    import optuna

    if spec.name == "median":
        return optuna.pruners.MedianPruner(n_startup_trials=spec.startup, n_warmup_steps=spec.warmup)
    if spec.name == "hyperband":
        return optuna.pruners.HyperbandPruner(
            min_resource=1 if spec.watch == ROLLOUT else config.evaluation.every,
            max_resource=config.trainer.rollouts,
            reduction_factor=spec.reduction,
        )
    return optuna.pruners.NopPruner()
