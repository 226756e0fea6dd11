"""Points that depend on a seed, a place in the sequence and the space alone: searches of parts of one space draw the same ones,
whatever their results are. Imports Optuna.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
from optuna import Study
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial
from scipy.stats import qmc

from sspo.randomness import derive, python_stream
from sweeps.search.history import DRAWN, FIXED

Draw = Callable[[int, str], float]
"""From a place in the sequence and a parameter to a coordinate in [0, 1)."""


class CommonPoints(BaseSampler):
    """A sampler whose n-th fresh trial of a study gets point n of a sequence; enqueued trials and retries take none."""

    def __init__(self, draw: Draw):
        self.draw = draw

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return an empty space: every parameter has a coordinate of its own."""
        return {}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: Mapping[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return nothing."""
        return {}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Return the value of a parameter at the place of the trial."""
        before = (one for one in study.get_trials(deepcopy=False) if one.number < trial.number)
        place = sum(FIXED not in one.system_attrs or DRAWN in one.user_attrs for one in before)
        return value_at(param_distribution, self.draw(place, param_name))


def sobol_draw(seed: int, keys: Sequence[str]) -> Draw:
    """Return the coordinates of a scrambled Sobol sequence with one dimension per key."""
    return lambda place, key: _sobol_point(derive(seed, "search sobol"), len(keys), place)[keys.index(key)]


def random_draw(seed: int) -> Draw:
    """Return uniform coordinates, one stream per key."""
    return lambda place, key: python_stream(seed, f"search point {key}", place).random()


@functools.lru_cache(maxsize=64)
def _sobol_point(seed: int, dimensions: int, place: int) -> tuple[float, ...]:
    sequence = qmc.Sobol(dimensions, scramble=True, seed=np.random.default_rng(seed))
    return tuple(map(float, sequence.random_base2(place.bit_length())[place]))


def value_at(domain: BaseDistribution, share: float) -> Any:
    """Return the value at a share in [0, 1) of a domain; values of a grid and choices have equal shares."""
    if isinstance(domain, CategoricalDistribution):
        return domain.choices[math.floor(share * len(domain.choices))]
    assert isinstance(domain, FloatDistribution | IntDistribution)
    low, high = domain.low, domain.high
    if domain.log:
        whole = isinstance(domain, IntDistribution)
        start, end = (math.log(low - 0.5), math.log(high + 0.5)) if whole else (math.log(low), math.log(high))
        found = math.exp(start + share * (end - start))
        return min(max(round(found) if whole else found, low), high)
    if domain.step is not None:
        step = Decimal(str(domain.step))
        count = round((Decimal(str(high)) - Decimal(str(low))) / step) + 1
        return type(low)(Decimal(str(low)) + math.floor(share * count) * step)
    return min(low + share * (high - low), high)
