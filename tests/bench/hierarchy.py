"""How often the hierarchical model's 95 % interval of an arm's difference holds the truth, over simulated studies of eight seeds.

Answers are drawn question by question: arms, spreads of runs, runs and questions all differ from study to study. The truth is the mean
over the population of runs, which is integrated apart from the model's own code. `python -m tests.bench.hierarchy --studies 1000`.
"""

from __future__ import annotations

import argparse
import functools
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray
from numpyro.infer import MCMC, NUTS
from scipy import integrate, special, stats

from analysis.hierarchy import model
from analysis.hierarchy.abilities import abilities
from analysis.hierarchy.answers import Answers
from analysis.hierarchy.opinion import NOT_TRUSTED, state_of
from analysis.statistics import clopper_pearson

SEEDS, SETS, QUESTIONS, SAMPLES = 8, 2, 40, 4
"""Runs an arm, sets, questions a set, samples a question."""
WARMUP, DRAWS, CHAINS, TOGETHER = 500, 500, 4, 50
"""Of a chain; chains a study; studies that are fitted at once."""
Floats = NDArray[np.float64]


def simulated(
    rng: np.random.Generator, freedom: float | None = None, questions: int = QUESTIONS, arms: int = 2
) -> tuple[Answers, Floats]:
    """Answers of a study, and each arm's true accuracy. `freedom`: of a t distribution of run effects in place of a normal one."""
    level_A = rng.normal(0.3, 0.6, size=arms)
    set_AS = rng.normal(0.0, 0.4, size=(arms, SETS))
    spread_A = np.exp(rng.normal(-1.0, 0.5, size=arms))
    question_Q = rng.normal(0.0, 1.0, size=SETS * questions)
    set_Q, arm_R = np.repeat(np.arange(SETS), questions), np.repeat(np.arange(arms), SEEDS)
    effect_R = rng.normal(size=arm_R.size) if freedom is None else rng.standard_t(freedom, size=arm_R.size)
    fixed_AQ = level_A[:, None] + set_AS[:, set_Q] + question_Q
    logit_RQ = fixed_AQ[arm_R] + (spread_A[arm_R] * effect_R)[:, None]
    asked_RQ = np.full(logit_RQ.shape, SAMPLES)
    right_RQ = rng.binomial(asked_RQ, special.expit(logit_RQ))
    names = tuple(f"arm{a}" for a in range(arms))
    truth_A = np.array([_accuracy(fixed_AQ[a], spread_A[a], freedom) for a in range(arms)])
    return Answers(right_RQ, asked_RQ, arm_R, set_Q, names, SETS), truth_A


def _accuracy(fixed_Q: Floats, spread: float, freedom: float | None) -> float:
    """Sets have equally many questions, so the mean over all of them is that over sets."""
    density = stats.norm.pdf if freedom is None else stats.t(freedom).pdf
    found, _ = integrate.quad(
        lambda z: special.expit(fixed_Q + spread * z).mean() * density(z), -40, 40, points=[0.0]
    )
    return float(found)


@functools.partial(jax.jit, static_argnames="robust")
def drawn(key_NC: Any, ability_NR: Any, error_NR: Any, offset_NAQ: Any, arm_R: Any, *, robust: bool) -> Any:
    """Accuracies of arms, shape (studies, chains, draws, arms), spreads and divergences of many studies, walked side by side."""
    of_study = functools.partial(model.study_model, arms=2, robust=robust)
    weight_Q = jnp.full(offset_NAQ.shape[-1], 1 / offset_NAQ.shape[-1])

    def chain(key: Any, ability_R: Any, error_R: Any, offset_AQ: Any) -> Any:
        kernel = NUTS(of_study, target_accept_prob=0.95)
        sampler = MCMC(kernel, num_warmup=WARMUP, num_samples=DRAWS, progress_bar=False)
        sampler.run(key, ability_R, error_R, arm_R, extra_fields=("diverging",))
        found = sampler.get_samples()
        accuracy_DA = model.accuracy(
            found["arm"], found["spread"], offset_AQ, weight_Q, jnp.asarray(model.nodes(robust))
        )
        return accuracy_DA, found["spread"], sampler.get_extra_fields()["diverging"].sum()

    def study(key_C: Any, *data: Any) -> Any:
        return jax.vmap(lambda key: chain(key, *data))(key_C)

    return jax.vmap(study)(key_NC, ability_NR, error_NR, offset_NAQ)


def main() -> None:
    """Print coverage as studies go by."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--freedom", type=float, help="run effects of a t distribution")
    parser.add_argument("--questions", type=int, default=QUESTIONS, help="a set")
    parser.add_argument("--robust", action="store_true", help="fit with a t distribution of run effects")
    arguments = parser.parse_args()
    held, widths, doubted, began = [], [], 0, time.process_time()
    for first in range(0, arguments.studies, TOGETHER):
        seeds = range(first, first + TOGETHER)
        made = [
            simulated(np.random.default_rng([arguments.seed, n]), arguments.freedom, arguments.questions)
            for n in seeds
        ]
        known = [abilities(answers) for answers, _ in made]
        data = [
            jnp.stack([getattr(k, name) for k in known]) for name in ("ability_R", "error_R", "offset_AQ")
        ]
        keys = jax.random.split(jax.random.PRNGKey(1000 * arguments.seed + first), (TOGETHER, CHAINS))
        found = drawn(keys, *data, jnp.asarray(made[0][0].arm_R), robust=arguments.robust)
        accuracy_NCDA, spread_NCDA, divergences_NC = map(np.asarray, found)
        difference_ND = (accuracy_NCDA[..., 1] - accuracy_NCDA[..., 0]).reshape(TOGETHER, -1)
        low_N, high_N = np.quantile(difference_ND, (0.025, 0.975), axis=1)
        truth_N = np.array([truth_A[1] - truth_A[0] for _, truth_A in made])
        held += ((low_N <= truth_N) & (truth_N <= high_N)).tolist()
        widths += (high_N - low_N).tolist()
        for divergences, *both in zip(divergences_NC.sum(axis=1), accuracy_NCDA, spread_NCDA, strict=True):
            rhat, ess = model.diagnosed(np.concatenate(both, axis=-1))
            doubted += state_of(int(divergences), rhat, ess)[0] == NOT_TRUSTED
        of = clopper_pearson(sum(held), len(held))
        print(
            f"{len(held)} studies, {SEEDS} seeds an arm: 95 % intervals hold the truth in {100 * of.point:.1f} % "
            f"[{100 * (of.low or 0):.1f}, {100 * (of.high or 0):.1f}]; mean width {100 * np.mean(widths):.1f} points; "
            f"{doubted} not to be trusted at the first target acceptance; {time.process_time() - began:.0f} processor seconds",
            flush=True,
        )


if __name__ == "__main__":
    main()
