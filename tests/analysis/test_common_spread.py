"""Comparisons for studies with collapses, against hand arithmetic and scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from analysis.statistics import named_rng, welch
from analysis.statistics.common_spread import (
    COMMON,
    careful_welch,
    common_spread_contrast,
    common_spread_differ_p,
    wider_contrast,
)
from analysis.statistics.contrasts import contrast
from analysis.statistics.judgment import judge_means, judge_shares, shares_differ_p


def test_two_steady_arms_are_compared_by_the_spread_of_the_arm_that_collapsed() -> None:
    # variances 1, 1 and 100, two degrees of freedom each: common 34, error sqrt(34 * 2 / 3) = 4.760952, six degrees of freedom
    groups = [[0.0, 1.0, 2.0], [4.0, 5.0, 6.0], [0.0, 10.0, 20.0]]
    found = careful_welch(groups, 1, 0)
    assert (found.test, found.difference, found.df) == (COMMON, 4.0, 6.0)
    assert found.error == pytest.approx(4.760952, abs=1e-6)
    assert found.p == pytest.approx(2 * stats.t.sf(4 / 4.760952, 6))
    assert found.high == pytest.approx(4 + stats.t.ppf(0.975, 6) * 4.760952, abs=1e-5)
    # against the arm that collapsed, its own spread is the larger
    assert careful_welch(groups, 2, 0).test == "welch"
    assert careful_welch(groups, 2, 0) == welch(groups[2], groups[0])


def test_without_a_spread_there_is_no_p_and_one_run_stays_one_run() -> None:
    assert careful_welch([[1.0, 1.0], [2.0, 2.0]], 1, 0).p is None
    assert careful_welch([[1.0, 2.0], [5.0], [3.0, 9.0]], 1, 0).p is None
    # neither of two arms varies, and a third one does: its spread is better than none
    assert careful_welch([[1.0, 1.0], [2.0, 2.0], [0.0, 9.0]], 1, 0).test == COMMON


def test_contrasts_with_a_common_spread_are_those_of_analysis_of_variance() -> None:
    rng = named_rng("common spread")
    groups = [rng.normal(size=n) for n in (5, 7, 4)]
    p = stats.f_oneway(*groups).pvalue
    assert common_spread_differ_p(groups, np.eye(3)) == pytest.approx(p)
    two = common_spread_contrast(groups[:2], np.array([1.0, -1.0]), 0.05)
    assert two.p == pytest.approx(stats.ttest_ind(groups[0], groups[1]).pvalue)
    with pytest.raises(ValueError, match="no values"):
        common_spread_contrast([groups[0], np.array([])], np.array([1.0, -1.0]), 0.05)


def test_the_wider_interval_is_taken_and_a_claim_takes_it_too() -> None:
    groups = [np.array(g) for g in ([0.0, 1.0, 2.0, 1.0], [4.0, 5.0, 6.0, 5.0], [0.0, 40.0, 41.0, 42.0])]
    weight_A = np.array([-1.0, 1.0, 0.0])
    own, wide = contrast(groups, weight_A, 0.05), wider_contrast(groups, weight_A, 0.05)
    assert wide.low < own.low < own.high < wide.high
    assert judge_means(groups, weight_A[None], 1.0, 0.05).word == "supported"
    assert judge_means(groups, weight_A[None], 1.0, 0.05, collapses=True).word == "inconclusive"


def test_a_contrast_has_at_most_the_freedom_of_equal_spreads() -> None:
    # one reference of weight 1 that hardly varies: Satterthwaite alone would count the freedom of the other four
    rng = named_rng("freedom")
    groups = [rng.normal(size=4) * sd for sd in (0.01, 1, 1, 1, 1)]
    found = contrast(groups, np.array([-1.0, 0.25, 0.25, 0.25, 0.25]), 0.05)
    # (1 + 4 / 16)^2 / (1 / 3 + 4 / 256 / 3) = 1.5625 / 0.338542
    assert found.df == pytest.approx(4.615385, abs=1e-6)
    two = contrast(groups[1:3], np.array([1.0, -1.0]), 0.05)
    assert two.df == pytest.approx(welch(groups[1].tolist(), groups[2].tolist()).df)


def test_shares_of_few_runs_are_called_different_no_more_often_than_they_may() -> None:
    """Four arms against one reference, eight runs each, all of share .5: mixed, or a wrong word, in at most .05 of claims."""
    weight_CA = np.hstack([np.full((4, 1), -1.0), np.eye(4)])
    rng = named_rng("shares")
    judged = [
        judge_shares(rng.binomial(8, 0.5, 5).tolist(), [8] * 5, weight_CA, 0.3, 0.05) for _ in range(150)
    ]
    assert sum(j.word == "mixed" for j in judged) <= 5
    assert sum(j.word in ("mixed", "supported", "direction shown") for j in judged) <= 12
    # 8 of 8 against 0 of 8 in one comparison, none in the other
    assert shares_differ_p([8, 0, 0, 0], [8] * 4, np.array([[1.0, -1, 0, 0], [0, 0, 1, -1]])) < 0.01
    assert shares_differ_p([8, 0, 8, 0], [8] * 4, np.array([[1.0, -1, 0, 0], [0, 0, 1, -1]])) == 1.0
    assert shares_differ_p([8, 0], [8, 8], np.array([[1.0, -1], [1.0, -1]])) is None


@pytest.mark.parametrize("n", [4, 8, 16])
def test_a_claim_about_two_shares_errs_in_at_most_three_percent_over_all_outcomes(n: int) -> None:
    margin, weight_CA, events = 0.2, np.array([[1.0, -1.0]]), range(n + 1)
    words = {
        (a, b): judge_shares([a, b], [n, n], weight_CA, margin, 0.05).word for a in events for b in events
    }
    false = {
        0.0: {"supported", "direction shown"},
        margin: {"supported", "equivalent", "refuted"},
        -margin: {"supported", "direction shown", "equivalent"},
    }
    for share in np.linspace(0, 1, 21):
        for effect, wrong in false.items():
            if not -1e-9 <= share + effect <= 1 + 1e-9:
                continue
            mine = stats.binom.pmf(events, n, np.clip(share + effect, 0, 1))
            theirs = stats.binom.pmf(events, n, share)
            assert sum(mine[a] * theirs[b] for (a, b), word in words.items() if word in wrong) < 0.032
