"""The hierarchical model and its sampler: NumPyro's NUTS on the CPU, in 64 bits.

    ability_r ~ Normal(arm_a, sqrt(spread_a^2 + error_r^2))

where abilities and their errors are those of `abilities`. Every arm_a has its own wide prior; log spread_a ~ Normal(common, 0.7),
so that arms share information on the spread of runs. A robust fit divides spread_a^2 by a Gamma(2, 2) of each run, which makes
run effects Student's t with 4 degrees of freedom. docs/hierarchy.md has the reasons.
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from numpy.typing import NDArray
from numpyro.diagnostics import effective_sample_size, split_gelman_rubin
from numpyro.infer import MCMC, NUTS
from scipy import special

from analysis.hierarchy.abilities import abilities
from analysis.hierarchy.answers import Answers
from analysis.hierarchy.opinion import Fit

jax.config.update("jax_enable_x64", True)
Floats = NDArray[np.float64]
FREEDOM = 4.0
"""Degrees of freedom of the t distribution of run effects in a robust fit."""
APART = 0.7
"""Standard deviation of the logs of arms' spreads about their common level: one arm's runs vary up to about four times as much as
another's. A prior on this number was tried: with few arms it is poorly determined, and its funnel causes divergences."""
NODES = 41
"""Number of quantiles for the mean over the population of runs."""


def study_model(ability_R: Any, error_R: Any, arm_R: Any, *, arms: int, robust: bool) -> None:
    """Define the model for NumPyro."""
    arm_A = numpyro.sample("arm", dist.Normal(0.0, 2.0).expand((arms,)).to_event(1))
    common = numpyro.sample("common", dist.Normal(-1.0, 1.0))
    scaled_A = numpyro.sample("scaled", dist.Normal(0.0, 1.0).expand((arms,)).to_event(1))
    spread_A = numpyro.deterministic("spread", jnp.exp(common + APART * scaled_A))
    variance_R = spread_A[arm_R] ** 2
    if robust:
        steady = dist.Gamma(FREEDOM / 2, FREEDOM / 2).expand(ability_R.shape).to_event(1)
        variance_R = variance_R / numpyro.sample("steady", steady)
    seen = dist.Normal(arm_A[arm_R], jnp.sqrt(variance_R + error_R**2)).to_event(1)
    numpyro.sample("ability", seen, obs=ability_R)


@functools.lru_cache(maxsize=4)
def _sampler(arms: int, robust: bool, target_accept: float, warmup: int, draws: int, chains: int) -> MCMC:
    """Return a sampler that compiles once for studies of one shape."""
    kernel = NUTS(functools.partial(study_model, arms=arms, robust=robust), target_accept_prob=target_accept)
    chained = {
        "num_chains": chains,
        "chain_method": "sequential",
        "progress_bar": False,
        "jit_model_args": True,
    }
    return MCMC(kernel, num_warmup=warmup, num_samples=draws, **chained)


def fit(
    answers: Answers,
    *,
    seed: int,
    robust: bool = False,
    target_accept: float = 0.95,
    warmup: int = 1000,
    draws: int = 1000,
    chains: int = 4,
) -> Fit:
    """Draw from the posterior of a study: equal seeds give equal draws on one machine."""
    arms, of_runs = len(answers.arms), abilities(answers)
    sampler = _sampler(arms, robust, target_accept, warmup, draws, chains)
    data = [jnp.asarray(x) for x in (of_runs.ability_R, of_runs.error_R, answers.arm_R)]
    sampler.run(jax.random.PRNGKey(seed), *data, extra_fields=("diverging",))
    drawn = sampler.get_samples(group_by_chain=True)
    arm_DA, spread_DA = (drawn[name].reshape(-1, arms) for name in ("arm", "spread"))
    weight_Q = 1 / (answers.sets * np.bincount(answers.set_Q)[answers.set_Q])
    accuracy_DA = np.asarray(
        accuracy(
            arm_DA,
            spread_DA,
            jnp.asarray(of_runs.offset_AQ),
            jnp.asarray(weight_Q),
            jnp.asarray(nodes(robust)),
        )
    )
    by_chain = [np.asarray(x).reshape(chains, draws, arms) for x in (accuracy_DA, spread_DA)]
    rhat, ess = diagnosed(np.concatenate(by_chain, axis=-1))
    return Fit(
        accuracy_DA=accuracy_DA,
        spread_DA=np.asarray(spread_DA),
        divergences=int(sampler.get_extra_fields()["diverging"].sum()),
        rhat=rhat,
        ess=ess,
        target_accept=target_accept,
    )


def diagnosed(drawn_CDN: Floats) -> tuple[float, float]:
    """Return the largest split R-hat and the smallest effective sample size of N numbers."""
    return float(np.max(split_gelman_rubin(drawn_CDN))), float(np.min(effective_sample_size(drawn_CDN)))


def nodes(robust: bool) -> Floats:
    """Return run effects of equal probability, in units of the spread."""
    middle = (np.arange(NODES) + 0.5) / NODES
    return np.asarray(special.stdtrit(FREEDOM, middle) if robust else special.ndtri(middle))


def _accuracy(arm_DA: Any, spread_DA: Any, offset_AQ: Any, weight_Q: Any, node_N: Any) -> Any:
    """Return the mean over the population of runs and over questions with these weights, one draw at a time; shape (draws, arms)."""

    def of_draw(draw: Any) -> Any:
        ability_AN = draw[0][:, None] + draw[1][:, None] * node_N
        return jax.nn.sigmoid(ability_AN[:, None, :] + offset_AQ[:, :, None]).mean(axis=-1) @ weight_Q

    return jax.lax.map(of_draw, (arm_DA, spread_DA))


accuracy = jax.jit(_accuracy)
