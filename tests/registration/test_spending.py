"""What looks cost, against published tables and simulation."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest

from analysis.registration.spending import nominal_level, nominal_levels, spent


def bounds(fractions: list[float]) -> list[float]:
    return [NormalDist().inv_cdf(1 - level / 2) for level in nominal_levels(fractions)]


def test_the_bounds_are_those_of_published_tables() -> None:
    """Lan and DeMets' form of O'Brien and Fleming, two-sided 0.05, equally spaced."""
    assert bounds([1 / 2, 1]) == pytest.approx([2.963, 1.969], abs=6e-4)
    assert bounds([1 / 5, 2 / 5, 3 / 5, 4 / 5, 1]) == pytest.approx(
        [4.877, 3.357, 2.680, 2.290, 2.031], abs=6e-4
    )
    assert nominal_levels([1 / 2, 1]) == pytest.approx([0.00305, 0.0490], abs=6e-5)


def test_without_looks_nothing_is_spent_before_the_end() -> None:
    assert nominal_levels([1.0]) == pytest.approx([0.05], abs=1e-9)
    assert nominal_level([0.01, 1.0], 1) == pytest.approx(0.05, abs=1e-9)  # a look at next to nothing is free


def test_what_is_spent_by_a_half_is_what_a_normal_says() -> None:
    # z above which .05/4 = .0125 lies is 2.2414; 2.2414 / sqrt(.5) = 3.1698; a tail beyond it is .000763, and four of them .00305
    assert spent(0.5) == pytest.approx(0.00305, abs=5e-6)
    assert spent(1.0) == pytest.approx(0.05)


def test_all_looks_together_err_as_often_as_is_said() -> None:
    fractions = np.array([4 / 12, 8 / 12, 1.0])
    limits = bounds(list(fractions))
    steps = np.random.default_rng(0).normal(size=(400_000, 3)) * math.sqrt(1 / 3)
    z = np.cumsum(steps, axis=1) / np.sqrt(fractions)
    erred = float((np.abs(z) > limits).any(axis=1).mean())
    assert erred == pytest.approx(0.05, abs=4 * math.sqrt(0.05 * 0.95 / 400_000))
