"""Numbers are rounded on their decimal value, halves away from zero, by one rule."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.text.numbers import p_text, points, signed
from analysis.text.rounding import rounded


@pytest.mark.parametrize(
    ("value", "spec", "text"),
    [
        (27.75, ".1f", "27.8"),  # exact in binary: Python's half to even gives 27.8 as well
        (27.749999999999996, ".1f", "27.8"),
        (90.25, ".1f", "90.3"),  # half to even: 90.2
        (75.64999999999999, ".1f", "75.7"),
        (12.5, ".0f", "13"),  # 1 of 8; half to even: 12
        (37.5, ".0f", "38"),  # 3 of 8
        (-0.25, "+.1f", "-0.3"),
        (0.0625, ".3f", "0.063"),
        (1234567.5, ",.0f", "1,234,568"),
        (12.25, "+.3g", "+12.3"),
        (0.012345, "#.3g", "0.0123"),
        (9.995, ".3g", "10"),
        (math.inf, ".1f", "inf"),
        (0.0, ".2g", "0"),
    ],
)
def test_a_half_goes_away_from_zero(value: float, spec: str, text: str) -> None:
    assert rounded(value, spec) == text


@given(thousandths=st.integers(-100_000, 100_000), runs=st.integers(1, 9))
def test_what_a_sum_adds_up_to_is_rounded_and_not_its_last_bit(thousandths: int, runs: int) -> None:
    # by exact arithmetic: a number of twentieths of a point, met as a mean of equal floats in any order
    exact = Fraction(thousandths, 20)
    tenths = abs(exact) * 10
    by_hand = Fraction(math.floor(tenths + Fraction(1, 2)), 10) * (1 if exact >= 0 else -1)
    mean = sum([thousandths / 20 / 3] * 3 * runs) / runs
    assert float(rounded(mean, ".1f")) == float(by_hand)


def test_cells_use_it() -> None:
    assert points(float(np.mean([0.2770, 0.2780]))) == "27.8"
    assert points(0.6065) == "60.7"
    assert signed(-0.0005) == "−0.1"
    assert p_text(0.0625) == "0.063"
