"""Bootstrap of whole runs and permutation, against scipy, hand counts and laws."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from analysis import statistics as ours


def rng() -> np.random.Generator:
    return ours.named_rng("test of resampling")


def test_the_interquartile_mean_is_scipys_trimmed_mean() -> None:
    scores = rng().normal(size=(5, 8, 3))
    # 24 scores: 6 are cut at either end
    assert ours.iqm(scores) == pytest.approx(stats.trim_mean(scores.reshape(5, 24), 0.25, axis=1))
    # one outlier among eight scores does not move it
    assert ours.iqm(np.array([[0.0, 0, 0, 0, 1, 1, 1, 99]]).T) == pytest.approx(0.5)


def test_the_bootstrap_draws_whole_runs() -> None:
    # tasks of one run are equal, so a run is one score however many tasks there are: were tasks drawn on their own,
    # the interval over 50 of them would be seven times as short
    run_R = rng().normal(size=6)
    one = ours.bootstrap_interval(run_R[:, None], ours.mean_score, rng())
    many = ours.bootstrap_interval(np.tile(run_R[:, None], 50), ours.mean_score, rng())
    assert (many.low, many.high) == pytest.approx((one.low, one.high))
    theirs = stats.bootstrap((run_R,), np.mean, method="percentile", rng=np.random.default_rng(1))
    # 4,000 resamples place a 2.5 % end within about a tenth of the standard error, .4 here
    assert (one.low, one.high) == pytest.approx(tuple(theirs.confidence_interval), abs=0.1)
    assert one.low < one.point < one.high
    assert one == ours.bootstrap_interval(run_R[:, None], ours.mean_score, rng())


def test_one_run_or_equal_runs_have_no_interval() -> None:
    for scores in (np.array([[0.2, 0.8]]), np.full((4, 2), 0.3)):
        for interval in (
            ours.iqm_interval(scores, rng()),
            ours.probability_of_improvement(scores, scores, rng()),
        ):
            assert (interval.low, interval.high) == (None, None)
    with pytest.raises(ValueError, match=r"shape \(runs, tasks\), got \(3,\)"):
        ours.iqm_interval(np.zeros(3), rng())


def test_probability_of_improvement_is_mann_whitneys_share() -> None:
    a, b = np.array([[1.0], [3.0], [5.0]]), np.array([[0.0], [3.0]])
    # pairs that win: 1>0, 3>0, 5>0, 5>3; one tie: (4 + .5) / 6
    found = ours.probability_of_improvement(a, b, rng())
    assert found.point == pytest.approx(0.75)
    assert found.point == pytest.approx(stats.mannwhitneyu(a[:, 0], b[:, 0]).statistic / 6)
    assert found.n == 2
    assert found.low is not None
    assert 0 <= found.low <= found.point <= found.high <= 1
    # a task more on which they are equal counts a half
    level = np.ones((3, 1)), np.ones((2, 1))
    wider = ours.probability_of_improvement(np.hstack([a, level[0]]), np.hstack([b, level[1]]), rng())
    assert wider.point == pytest.approx((0.75 + 0.5) / 2)
    with pytest.raises(ValueError, match="2 tasks on one side and 1 on the other"):
        ours.probability_of_improvement(np.zeros((3, 2)), b, rng())


def test_pairs_are_drawn_together() -> None:
    """A constant gain on seeds that differ a lot is certain only to who keeps pairs together: here it can but vary less."""
    baseline = np.array([[0.0], [10.0], [20.0], [30.0], [40.0]])
    paired, apart = (
        ours.probability_of_improvement(baseline + 1, baseline, rng(), paired=p) for p in (True, False)
    )
    # 15 of 25 pairs: a seed's own and every lower one
    assert paired.point == apart.point == pytest.approx(0.6)
    assert paired.half_width < apart.half_width / 2
    with pytest.raises(ValueError, match="5 and 3 runs do not form pairs"):
        ours.probability_of_improvement(baseline, baseline[:3], rng(), paired=True)


def test_sign_flips_equal_scipys_exact_test() -> None:
    a, b = rng().normal(0.8, 1, 5), rng().normal(0, 1, 5)

    def difference(x: np.ndarray, y: np.ndarray, axis: int) -> np.ndarray:
        return np.mean(x, axis=axis) - np.mean(y, axis=axis)

    mine = ours.permute_pairs(a, b, rng())
    theirs = stats.permutation_test((a, b), difference, permutation_type="samples", n_resamples=np.inf)
    # scipy doubles the smaller tail: the same for pairs, whose distribution is symmetric
    assert (mine.difference, mine.p) == pytest.approx((theirs.statistic, theirs.pvalue))
    assert (mine.arrangements, mine.exact) == (32, True)


def test_three_seeds_cannot_be_significant_by_sign_flips() -> None:
    high, low = np.array([1.0, 1.1, 1.2]), np.zeros(3)
    assert ours.permute_pairs(high, low, rng()).p == 0.25
    # decimal ties count as ties: .3 - .1 and .2 are equal but for the last bit
    assert ours.permute_pairs(np.array([0.3, 0.2]), np.array([0.1, 0.0]), rng()).p == 0.5


def test_above_the_limit_arrangements_are_drawn_from_the_named_stream() -> None:
    a, b = rng().normal(0.35, 1, 20), ours.named_rng("other").normal(0, 1, 20)
    found = ours.permute_pairs(a, b, rng())
    assert (found.exact, found.arrangements) == (False, 20_001)
    assert found == ours.permute_pairs(a, b, rng())
    # at 20 normal runs a side t and permutation nearly agree; 20,000 draws err by at most .0035 (se)
    assert found.p == pytest.approx(stats.ttest_rel(a, b).pvalue, abs=0.02)
    with pytest.raises(ValueError, match="3 and 2 values do not form pairs"):
        ours.permute_pairs(a[:3], b[:2], rng())


def test_streams_depend_on_every_part_of_their_name() -> None:
    draws = {
        name: ours.named_rng(*name).random() for name in (("a", "b"), ("ab",), ("a", "b", 0), ("a", "b", 1))
    }
    assert len(set(draws.values())) == 4
