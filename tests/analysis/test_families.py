"""One family, one error rate: Holm with intervals that agree, bold without inversions, joint sign flips."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from analysis.statistics import named_rng, welch
from analysis.statistics.families import could_be_best, holm_family, interval_at
from analysis.statistics.sign_flips import sign_flip_p, smallest_sign_flip_p


def drawn(seed: int, means: tuple[float, ...], runs: int = 6) -> list[list[float]]:
    draw = np.random.default_rng(seed)
    return [list(draw.normal(mean, draw.uniform(0.3, 2), runs)) for mean in means]


def test_an_interval_is_at_the_level_of_its_step() -> None:
    # p .0005, .02, .2 of three: Holm asks .05/3, .05/2, .05/1 and finds the first two; the last is tested at .05
    x = np.array([-2.0, -1, 0, 0, 1, 2])
    a, b, c = (welch(list(x + shift), list(x)) for shift in (6.0, 2.2, 1.0))
    assert a.p < 0.05 / 3
    assert 0.05 / 3 < b.p < 0.05 / 2
    assert c.p > 0.05
    found = holm_family([a, None, b, c])
    assert found[1] is None
    levels = [one.level for one in found if one is not None]
    assert levels == pytest.approx([1 - 0.05 / 3, 1 - 0.05 / 2, 0.95])
    assert (found[2].low, found[2].high) == interval_at(b, 0.05 / 2)
    # the second step finds nothing here, so that both that are left are tested at its level
    second, third = holm_family([a, c, c])[1:]
    assert (second.level, third.level) == pytest.approx((0.975, 0.975))


@given(st.integers(0, 10_000), st.lists(st.floats(-4, 4), min_size=1, max_size=6))
@settings(max_examples=80)
def test_an_interval_leaves_out_zero_where_p_is_below_alpha_and_nowhere_else(
    seed: int, means: list[float]
) -> None:
    baseline, *arms = drawn(seed, (0.0, *means), runs=4)
    compared = [welch(arm, baseline) for arm in arms]
    for c, one in zip(compared, holm_family(compared), strict=True):
        assert one is not None
        assert (one.p < 0.05) == (one.low > 0 or one.high < 0)
        # never narrower than what one comparison alone would have
        assert one.low <= c.low
        assert one.high >= c.high


def test_bold_is_lost_by_being_shown_below_another_arm() -> None:
    high, near, low = [10.0, 10.1, 9.9, 10.0], [9.9, 10.2, 9.8, 10.0], [1.0, 1.1, 0.9, 1.0]
    assert could_be_best([high, near, low]) == [True, True, False]
    # a comparison of the study's own counts, and an arm with a lower mean that is not told apart brings its betters back
    assert could_be_best([high, near, low], [False, True, False]) == [True, False, False]
    noisy = [2.0, 18.0, 1.0, 12.0]
    assert could_be_best([high, near, noisy], [False, True, False]) == [True, True, True]
    with pytest.raises(ValueError, match="4 values of each"):
        could_be_best([high, near[:3]])


@given(st.integers(0, 10_000), st.lists(st.floats(0, 8), min_size=2, max_size=7))
@settings(max_examples=80)
def test_no_bold_arm_lies_below_one_that_is_not(seed: int, means: list[float]) -> None:
    groups = drawn(seed, tuple(means), runs=4)
    bold = could_be_best(groups)
    averages = [float(np.mean(group)) for group in groups]
    inside = [m for m, b in zip(averages, bold, strict=True) if b]
    assert max(averages) in inside
    assert all(m < min(inside) for m, b in zip(averages, bold, strict=True) if not b)


def step_down(difference_AS: np.ndarray) -> list[float]:
    """Westfall and Young's step-down by its definition: every pattern of signs, t statistics, one arm after the other."""
    arms, seeds = difference_AS.shape

    def t(values_AS: np.ndarray) -> np.ndarray:
        return np.abs(stats.ttest_1samp(values_AS, 0, axis=1).statistic)

    seen, flips = t(difference_AS), list(itertools.product((-1, 1), repeat=seeds))
    flipped = np.array([t(difference_AS * signs) for signs in flips])
    left, p, running = list(np.argsort(-seen)), [0.0] * arms, 0.0
    while left:
        running = max(running, float(np.mean(flipped[:, left].max(axis=1) >= seen[left[0]] - 1e-9)))
        p[left[0]] = running
        left = left[1:]
    return p


def test_joint_sign_flips_equal_their_definition() -> None:
    draw = np.random.default_rng(4)
    difference = draw.normal(size=(4, 8)) + np.array([1.5, 0, 0.7, -0.4])[:, None]
    assert sign_flip_p(difference, named_rng("x")) == pytest.approx(step_down(difference))
    # all of one sign: two of 2^8 patterns are as extreme
    assert sign_flip_p(np.arange(1.0, 9.0)[None], named_rng("x")) == pytest.approx([2 / 256])
    assert smallest_sign_flip_p(8) == 2 / 256
    # equal differences have no finite t, and still the smallest p; no difference has p 1
    assert sign_flip_p(np.array([[0.5] * 8, [0.0] * 8]), named_rng("x")) == pytest.approx([2 / 256, 1.0])
    many = np.random.default_rng(5).normal(0.4, 1, size=(1, 30))
    assert sign_flip_p(many, named_rng("x")) == pytest.approx(stats.ttest_1samp(many[0], 0).pvalue, abs=0.02)
