"""Words of intervals, how often each is said, and claims over several comparisons."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from analysis.statistics import welch
from analysis.statistics.contrasts import contrast, differ_p, paired_contrast, paired_differ_p
from analysis.statistics.intervals import Interval
from analysis.statistics.judgment import MIXED, judge_means, judge_shares, share_contrast
from analysis.statistics.words import (
    DIRECTION,
    EQUIVALENT,
    INCONCLUSIVE,
    REFUTED,
    SUPPORTED,
    seeds_for,
    word_of,
    word_power,
)


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [
        (2.1, 9.0, SUPPORTED),
        (0.1, 9.0, DIRECTION),
        (1.9, 2.1, DIRECTION),
        (-9.0, 9.0, INCONCLUSIVE),
        (-1.9, 1.9, EQUIVALENT),
        (0.1, 1.9, EQUIVALENT),  # an effect, and too small to matter
        (-2.1, 1.9, REFUTED),
        (-9.0, -3.0, REFUTED),
    ],
)
def test_the_strongest_word_that_holds(low: float, high: float, word: str) -> None:
    assert word_of(low, high, 2.0) == word


TRUE = {
    SUPPORTED: lambda x: x > 2,
    DIRECTION: lambda x: x > 0,
    EQUIVALENT: lambda x: -2 < x < 2,
    REFUTED: lambda x: x < 2,
    INCONCLUSIVE: lambda x: True,
}


@given(st.floats(-9, 9), st.floats(0.01, 9), st.floats(0, 1))
def test_a_word_is_true_of_whatever_its_interval_covers(low: float, length: float, place: float) -> None:
    truth = low + length * (0.001 + 0.998 * place)
    assert TRUE[word_of(low, low + length, 2.0)](truth)


@pytest.mark.parametrize("effect", [0.0, 2.0, 4.0, -3.0])
def test_the_power_of_words_is_how_often_they_are_said(effect: float) -> None:
    draw = np.random.default_rng(11)
    a, b = draw.normal(effect, 1.6, (8000, 8)), draw.normal(0, 1.6, (8000, 8))
    error = np.sqrt((a.var(axis=1, ddof=1) + b.var(axis=1, ddof=1)) / 8)
    half, difference = stats.t.ppf(0.975, 14) * error, a.mean(axis=1) - b.mean(axis=1)
    said = Counter(word_of(d - h, d + h, 2.0) for d, h in zip(difference, half, strict=True))
    power = word_power(effect, 2.0, 1.6 * np.sqrt(2 / 8), 14, 0.05)
    # 8,000 studies: a share of .5 has a standard error of .0056; Welch's df are at most 14
    assert {word: said[word] / 8000 for word in power} == pytest.approx(dict(power), abs=0.02)
    assert sum(power.values()) == pytest.approx(1)


def test_seeds_for_a_direction_are_those_of_the_t_test() -> None:
    # the power of a paired t at 2 / 6.8 sd: the noncentral t says 93 pairs for 80 %
    assert seeds_for(2, 6.8, 1, 0.05) == 93
    power = [1 - stats.nct.cdf(stats.t.ppf(0.975, n - 1), n - 1, 2 / 6.8 * n**0.5) for n in (92, 93)]
    assert power[0] < 0.8 < power[1]
    assert seeds_for(1e-9, 6.8, 1, 0.05) is None


def test_a_contrast_of_two_arms_is_welchs_t_and_within_seeds_a_paired_t() -> None:
    draw = np.random.default_rng(3)
    a, b = draw.normal(1, 1, 7), draw.normal(0, 3, 7)
    mine, theirs = contrast([a, b], np.array([1.0, -1.0]), 0.05), welch(list(a), list(b))
    assert (mine.low, mine.high, mine.p, mine.df) == pytest.approx(
        (theirs.low, theirs.high, theirs.p, theirs.df)
    )
    paired = paired_contrast(np.stack([a, b]), np.array([1.0, -1.0]), 0.05)
    assert paired.p == pytest.approx(stats.ttest_rel(a, b).pvalue)
    # one difference of three arms to one reference is their mean, whose error holds the reference's once
    four = [draw.normal(0, s, 6) for s in (1, 2, 1, 3)]
    pooled = contrast(four, np.array([1 / 3, 1 / 3, 1 / 3, -1.0]), 0.05)
    variance = sum(g.var(ddof=1) / 6 * w * w for g, w in zip(four, (1 / 3, 1 / 3, 1 / 3, 1), strict=True))
    assert pooled.error == pytest.approx(variance**0.5)


def test_whether_comparisons_differ_is_welchs_anova_of_the_arms() -> None:
    draw = np.random.default_rng(8)
    groups = [draw.normal(m, s, n) for m, s, n in ((1, 1, 5), (0, 2, 7), (0.3, 1, 6), (9, 1, 8))]
    # three arms against the fourth differ among themselves exactly where the three arms do, whatever the fourth is
    to_last = np.array([[1.0, 0, 0, -1], [0, 1, 0, -1], [0, 0, 1, -1]])
    weight = np.array([g.size / g.var(ddof=1) for g in groups[:3]])
    mean = np.array([g.mean() for g in groups[:3]])
    grand = (weight * mean).sum() / weight.sum()
    spare = sum((1 - w / weight.sum()) ** 2 / (g.size - 1) for w, g in zip(weight, groups[:3], strict=True))
    f = (weight * (mean - grand) ** 2).sum() / 2 / (1 + 2 * (3 - 2) / (3**2 - 1) * spare)
    assert differ_p(groups, to_last) == pytest.approx(stats.f.sf(f, 2, (3**2 - 1) / (3 * spare)))
    pairs = np.stack([g[:5] for g in groups[:3]])
    d = pairs[1:] - pairs[:1]
    squared = 5 * d.mean(1) @ np.linalg.solve(np.cov(d), d.mean(1))
    assert paired_differ_p(pairs, np.eye(3)) == pytest.approx(stats.f.sf(squared * 3 / (4 * 2), 2, 3))


def test_comparisons_that_differ_are_mixed_and_equal_ones_are_pooled() -> None:
    draw = np.random.default_rng(2)
    reference = draw.normal(0, 1, 8)
    alike = [draw.normal(6, 1, 8), draw.normal(6, 1, 8), reference]
    apart = [draw.normal(9, 1, 8), draw.normal(-9, 1, 8), reference]
    rows = np.array([[1.0, 0, -1], [0, 1, -1]])
    found, other = judge_means(alike, rows, 2.0, 0.05), judge_means(apart, rows, 2.0, 0.05)
    assert (found.word, other.word) == (SUPPORTED, MIXED)
    # a claim over several comparisons: .04 for the interval, .01 for what is said where they differ; parts hold jointly
    assert (found.alpha, found.differ_alpha) == pytest.approx((0.04, 0.01))
    pooled = contrast(alike, rows.mean(axis=0), 0.04)
    assert (found.pooled.low, found.pooled.high) == (pooled.low, pooled.high)
    assert found.parts[0].low == contrast(alike, rows[0], 0.005).low
    # differing in size alone is no contradiction: the word holds for each
    larger = judge_means([draw.normal(20, 1, 8), alike[1], reference], rows, 2.0, 0.05)
    assert larger.word == SUPPORTED
    assert larger.differ_p < 0.01
    smaller = judge_means([draw.normal(20, 0.3, 8), draw.normal(1.0, 0.3, 8), reference / 5], rows, 1.0, 0.05)
    assert smaller.word == DIRECTION  # one is above the margin, one reaches across it, both are above zero
    single = judge_means(alike[:2], np.array([[1.0, -1.0]]), 2.0, 0.05)
    assert (single.alpha, single.differ_p, single.parts) == (0.05, None, (single.pooled,))


def test_a_difference_of_shares_has_newcombes_interval() -> None:
    # exact limits: 8 of 8 from .025^(1/8) = .630583, 0 of 8 to .369417; 1 - hypot(.369417, .369417) = .477566
    one = judge_shares([8, 0], [8, 8], np.array([[1.0, -1.0]]), 0.2, 0.05)
    assert (one.word, one.pooled.difference, one.pooled.high) == (SUPPORTED, 1.0, 1.0)
    assert one.pooled.low == pytest.approx(0.477566, abs=1e-6)
    # by hand: (.5 + .1) / 2 - .2 = .1; the lower end is .1 - hypot(.5 * .2, .5 * .1, .3)
    limits = [Interval(0.5, 0.3, 0.6, 8), Interval(0.1, 0.0, 0.3, 8), Interval(0.2, 0.1, 0.5, 8)]
    mean = share_contrast(limits, np.array([0.5, 0.5, -1.0]))
    assert mean.difference == pytest.approx(0.1)
    assert mean.low == pytest.approx(0.1 - np.hypot(np.hypot(0.1, 0.05), 0.3))
    several = judge_shares([8, 8, 0], [8, 8, 8], np.array([[1.0, 0, -1], [0, 1, -1]]), 0.2, 0.05)
    assert (several.word, several.differ_p) == (SUPPORTED, pytest.approx(1.0))


@given(st.integers(0, 1000), st.floats(-3, 3))
@settings(max_examples=30)
def test_a_claim_turned_round_is_its_mirror(seed: int, shift: float) -> None:
    draw = np.random.default_rng(seed)
    groups = [draw.normal(shift, 1, 5), draw.normal(0, 2, 6)]
    one, other = (judge_means(groups, np.array([[w, -w]]), 1.0, 0.05).pooled for w in (1.0, -1.0))
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low))
