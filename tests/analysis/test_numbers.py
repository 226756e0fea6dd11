"""Numbers as people write them: digits by the half width, shares that stay shares, p with its zero."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from analysis.statistics import Interval, share_interval, t_interval
from analysis.text.numbers import estimate, measured, p_text
from analysis.text.unit import PERCENT


@pytest.mark.parametrize(
    ("point", "low", "high", "text"),
    [
        (22.71, 22.0, 23.42, "22.7 ± 0.7"),  # half .71 begins with 35 or more: one digit
        (0.2521, 0.2478, 0.2564, "0.252 ± 0.004"),
        (0.0302, 0.0290, 0.0314, "0.0302 ± 0.0012"),  # half .0012: two digits
        (0.0073, 0.0013, 0.0381, "0.007 [0.001, 0.038]"),  # half .0184
        (0.0171, 0.0004, 0.9, "0 [0, 0.9]"),  # half .45: one digit
        (65.6, 56.7, 74.5, "66 ± 9"),
        (100.0, None, None, "100"),
        (0.0, None, None, "0"),
        (0.00847, None, None, "0.00847"),
        (3.48e-7, 3.41e-7, 3.55e-7, "3.5e−7 ± 7.0e−9"),
        (-0.04, -0.09, 0.01, "−0.04 ± 0.05"),
    ],
)
def test_an_estimate_has_the_digits_of_its_half_width(
    point: float, low: float | None, high: float | None, text: str
) -> None:
    assert estimate(point, low, high) == text


def test_few_runs_are_printed_one_by_one() -> None:
    assert measured([0.12, 0.034], share=True) == "12.0 / 3.40"
    assert measured([0.5]) == "0.500"
    assert measured([0.25] * 4) == "0.250"


def test_an_interval_of_a_share_is_the_mean_on_the_logit_scale() -> None:
    values = [0.0, 0.01, 0.02, 0.05]
    found, plain = share_interval(values), t_interval(values)
    # mean .02, sd .0216, half width 3.182 * .0108 = .0344: below 0 by t; on the logit scale ln(.02 / .98) = -3.892 and
    # .0344 / (.02 * .98) = 1.754 either way: 1 / (1 + e^5.646) = .0035 and 1 / (1 + e^2.138) = .1055
    assert plain.low is not None
    assert plain.low < 0
    assert found.point == plain.point == pytest.approx(0.02)
    assert (found.low, found.high) == (pytest.approx(0.0035, abs=2e-4), pytest.approx(0.1055, abs=2e-3))
    assert share_interval([0.0] * 5).low is None
    assert share_interval([1.0] * 5).high is None
    steady = share_interval([0.2, 0.201, 0.199, 0.2])
    assert steady.high == pytest.approx(t_interval([0.2, 0.201, 0.199, 0.2]).high, abs=1e-5)


def test_intervals_of_shares_cover_rare_ones_more_often_than_t() -> None:
    rng = np.random.default_rng(1)
    drawn, mean = rng.beta(0.5, 50, (400, 8)), 0.5 / 50.5

    def covered(interval: Callable[[list[float]], Interval]) -> float:
        found = [interval(row.tolist()) for row in drawn]
        return float(np.mean([(one.low or 0) <= mean <= (one.high or 1) for one in found]))

    assert covered(share_interval) > covered(t_interval) + 0.03


@pytest.mark.parametrize(
    ("p", "text"),
    [(0.043, "0.043"), (0.0004, "< 0.001"), (0.784, "0.78"), (1.0, "1.00"), (0.0996, "0.10"), (None, "–")],
)
def test_a_p_has_its_zero(p: float | None, text: str) -> None:
    assert p_text(p) == text


def test_nothing_is_minus_zero() -> None:
    assert PERCENT.text(-0.0004) == "0.0"
    assert PERCENT.signed(-0.0004) == "+0.0"
