"""Statistics against hand arithmetic, scipy and simulation."""

from __future__ import annotations

import itertools
import math
import subprocess
import sys
from collections.abc import Sequence

import numpy as np
import pytest
from scipy import integrate, stats

from analysis import statistics as ours

RNG_SEED = 20251104


def test_a_t_interval_is_the_textbook_one_and_one_value_has_none() -> None:
    # mean 2, sd 1, t(.975, 2) = 4.302653: 4.302653 / sqrt(3) = 2.484138
    interval = ours.t_interval([1.0, 2.0, 3.0])
    assert (interval.low, interval.high) == pytest.approx((2 - 2.484138, 2 + 2.484138), abs=1e-6)
    single = ours.t_interval([0.7])
    assert (single.point, single.low, single.high, single.n) == (0.7, None, None, 1)
    with pytest.raises(ValueError, match="no values"):
        ours.t_interval([])


def test_paired_and_welch_tests_equal_scipy() -> None:
    rng = np.random.default_rng(RNG_SEED)
    a, b = rng.normal(0.4, 1, 7), rng.normal(0, 3, 7)
    for mine, theirs in (
        (ours.paired_t(list(a), list(b)), stats.ttest_rel(a, b)),
        (ours.welch(list(a), list(b[:5])), stats.ttest_ind(a, b[:5], equal_var=False)),
    ):
        assert mine.p == pytest.approx(theirs.pvalue, rel=1e-9)
        assert mine.df == pytest.approx(theirs.df, rel=1e-9)
        assert (mine.low, mine.high) == pytest.approx(tuple(theirs.confidence_interval()), rel=1e-9)


def test_one_run_a_side_gives_a_difference_without_interval_or_p() -> None:
    for comparison in (ours.paired_t([0.5], [0.2]), ours.welch([0.5], [0.2, 0.2])):
        assert comparison.difference == pytest.approx(0.3)
        assert (comparison.low, comparison.high, comparison.p) == (None, None, None)


def test_runs_without_any_spread_have_a_difference_without_interval_or_p() -> None:
    # .7 - .5 and .5 - .3 differ in the last bit; nothing estimates a spread all the same
    for comparison in (
        ours.paired_t([0.7, 0.5], [0.5, 0.3]),
        ours.paired_t([0.7, 0.5], [0.7, 0.5]),
        ours.welch([0.5, 0.5], [0.3, 0.3, 0.3]),
    ):
        assert (comparison.low, comparison.high, comparison.p) == (None, None, None)
    assert ours.paired_t([0.7, 0.5], [0.5, 0.3]).difference == pytest.approx(0.2)
    interval = ours.t_interval([0.1, 0.1, 0.1])
    assert (interval.low, interval.high, interval.half_width, interval.n) == (None, None, None, 3)


def test_holm_steps_down_stays_monotone_and_skips_untested_arms() -> None:
    # sorted .01 .03 .04: 3 * .01 = .03; 2 * .03 = .06; 1 * .04 = .04, raised to .06
    assert ours.holm([0.01, None, 0.04, 0.03]) == [
        pytest.approx(0.03),
        None,
        pytest.approx(0.06),
        pytest.approx(0.06),
    ]


def test_clopper_pearson_and_fisher_equal_scipy() -> None:
    # no event in 8: the upper end solves (1 - p)^8 = .025
    assert ours.clopper_pearson(0, 8).high == pytest.approx(1 - 0.025 ** (1 / 8))
    exact = stats.binomtest(3, 8).proportion_ci(method="exact")
    assert (ours.clopper_pearson(3, 8).low, ours.clopper_pearson(3, 8).high) == pytest.approx(
        (exact.low, exact.high)
    )
    for table in ((3, 8, 0, 8), (8, 8, 0, 7), (1, 5, 4, 9)):
        a, n, b, m = table
        assert ours.fisher_p(a, n, b, m) == pytest.approx(stats.fisher_exact([[a, n - a], [b, m - b]]).pvalue)


def test_pass_at_k_is_unbiased_and_avg_at_k_weighs_questions_equally() -> None:
    # of C(4, 2) = 6 pairs, C(3, 2) = 3 hold no right answer
    assert ours.pass_at_k(4, 1, 2) == 0.5
    assert ours.pass_at_k(16, 0, 16) == 0.0
    assert ours.avg_at_k(np.array([[1.0, 0.0], [1.0, 1.0]])) == 0.75
    with pytest.raises(ValueError, match="pass@5"):
        ours.pass_at_k(4, 1, 5)


def test_scores_of_samples_have_an_interval_over_questions() -> None:
    # question means 1, .5, .5, 0: mean .5, sd .408248, error .204124, t(.975, 3) = 3.182446: half .649613, cut to [0, 1]
    value = np.array([[1.0, 1.0], [1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    assert ours.avg_at_k_interval(value) == ours.Interval(0.5, 0.0, 1.0, 4)
    half = ours.avg_at_k_interval(value, level=0.5)
    assert (half.low, half.high) == pytest.approx(
        (0.5 - 0.204124 * 0.764892, 0.5 + 0.204124 * 0.764892), abs=1e-6
    )
    # one right answer in two samples is found at pass@2: 1, 1, 1, 0
    assert ours.pass_at_k_interval(value, 2).point == 0.75
    assert ours.pass_at_k_interval(value, 1) == ours.avg_at_k_interval(value)
    assert ours.avg_at_k_interval(value[:1]) == ours.Interval(1.0, None, None, 1)


def test_evaluation_error_separates_questions_from_samples() -> None:
    # question means .5 and 1: variance .125, / 2 questions = .0625, root .25
    # sample variances .5 and 0: .5 / 2 samples / 2^2 questions = .0625, root .25; two equal sets: root(2 * .0625) / 2
    one = np.array([[1.0, 0.0], [1.0, 1.0]])
    assert ours.evaluation_error([one]) == ours.EvaluationError(pytest.approx(0.25), pytest.approx(0.25))
    assert ours.evaluation_error([one, one]).clustered == pytest.approx(math.sqrt(0.125) / 2)
    assert ours.evaluation_error([one[:, :1]]).sampling is None
    lone = ours.evaluation_error([one, one[:1]])
    # one question has no variance over questions; given them: (.0625 + .5 / 2) / 2^2 sets
    assert lone == ours.EvaluationError(None, pytest.approx(math.sqrt(0.3125) / 2))
    assert ours.evaluation_error([]) == ours.EvaluationError(None, None)


def test_planning_numbers_match_the_published_ones() -> None:
    # Holm's first level of five comparisons is .01: 26 seeds find 1 sd, 8 find 2 sd, unpaired
    assert (ours.seeds_needed(1.0, 0.01), ours.seeds_needed(2.0, 0.01)) == (26, 8)
    assert ours.detectable_effect(26, 0.01) <= 1.0 < ours.detectable_effect(25, 0.01)
    assert ours.detectable_effect(1, 0.05) == math.inf


def power_by_quadrature(effect: float, n: int, alpha: float) -> float:
    """Paired: over the sd that a study happens to see, the chance that the mean is beyond the critical t."""
    critical, shift = stats.t.ppf(1 - alpha / 2, n - 1), effect * math.sqrt(n)

    def density(s: float) -> float:
        found = stats.norm.sf(critical * s - shift) + stats.norm.cdf(-critical * s - shift)
        return float(found * stats.chi.pdf(s * math.sqrt(n - 1), n - 1) * math.sqrt(n - 1))

    turn = shift / critical
    return float(integrate.quad(density, 0, 8, points=[turn, turn + 3 / critical], limit=200)[0])


@pytest.mark.parametrize(
    ("n", "alpha", "effect"), [(2, 0.05, 11.5), (2, 0.05 / 7, 80.8), (3, 0.05 / 7, 8.66), (8, 0.05 / 7, 1.70)]
)
def test_the_detectable_effect_is_found_with_the_wanted_power_at_few_seeds(
    n: int, alpha: float, effect: float
) -> None:
    found = ours.detectable_effect(n, alpha, paired=True)
    assert found == pytest.approx(effect, rel=0.005)
    assert power_by_quadrature(found, n, alpha) == pytest.approx(0.8, abs=1e-4)


def test_power_equals_scipys_noncentral_t_where_that_is_a_number() -> None:
    for n, alpha, effect, paired in itertools.product(
        (2, 5, 30), (0.05, 0.01), (0.0, 0.4, 1.5), (True, False)
    ):
        df, shift = (n - 1, effect * math.sqrt(n)) if paired else (2 * n - 2, effect * math.sqrt(n / 2))
        critical = stats.t.ppf(1 - alpha / 2, df)
        theirs = stats.nct.sf(critical, df, shift) + stats.nct.cdf(-critical, df, shift)
        assert ours.power_of(effect, n, alpha, paired) == pytest.approx(theirs, abs=1e-6)
    assert ours.power_of(0.0, 4, 0.05) == pytest.approx(0.05, abs=1e-6)
    assert ours.power_of(9.0, 1, 0.05) == 0.0


@pytest.mark.parametrize(
    "seeds", [(2, 3, 4, 8, 16, 29), pytest.param(range(2, 30), marks=pytest.mark.acceptance)], ids=str
)
def test_more_seeds_never_detect_less(seeds: Sequence[int]) -> None:
    for paired in (True, False):
        effects = [ours.detectable_effect(n, 0.05 / 7, paired=paired) for n in seeds]
        assert all(fewer > more for fewer, more in itertools.pairwise(effects))


def test_importing_the_statistics_pulls_in_no_heavy_package() -> None:
    code = "import sys, analysis.statistics; print(*{'torch', 'pandas', 'matplotlib', 'scipy.stats'} & set(sys.modules))"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "\n"
    )
