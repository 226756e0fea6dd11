"""Main effects and interactions against least squares, scipy and hand arithmetic."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from analysis.statistics import factorial_effects

FACTORS = ("ratio", "adapt")


def rows(counts: dict[tuple[str, ...], int]) -> list[tuple[str, ...]]:
    return [cell for cell, n in counts.items() for _ in range(n)]


def johansen(score: np.ndarray, level: list[tuple[str, ...]], row_KC: np.ndarray) -> tuple[float, float]:
    """F and p as Johansen (1980) and Lix and Keselman (1995) write them, with matrices throughout."""
    cells = sorted(set(level), key=level.index)
    groups = [score[[row == cell for row in level]] for cell in cells]
    d = np.diag([g.var(ddof=1) / g.size for g in groups])
    inverse = np.linalg.inv(row_KC @ d @ row_KC.T)
    mean = row_KC @ np.array([g.mean() for g in groups])
    a, k = 0.0, len(row_KC)
    for j, g in enumerate(groups):
        q = np.zeros_like(d)
        q[j, j] = 1
        m = d @ row_KC.T @ inverse @ row_KC @ q
        a += (np.trace(m @ m) + np.trace(m) ** 2) / (g.size - 1) / 2
    f = float(mean @ inverse @ mean) / (k + 2 * a - 6 * a / (k + 2))
    return f, float(stats.f.sf(f, k, k * (k + 2) / (3 * a)))


@pytest.mark.parametrize("counts", [(4, 4, 4, 4, 4, 4), (2, 5, 3, 4, 4, 2)])
def test_balanced_and_unbalanced_designs_equal_johansens_test(counts: tuple[int, ...]) -> None:
    cells = list(itertools.product(("token", "segment", "response"), ("none", "tanh")))
    level = rows(dict(zip(cells, counts, strict=True)))
    score = np.random.default_rng(5).normal(size=len(level)) + [r[0] == "segment" for r in level]
    effects = factorial_effects(list(score), level, FACTORS)
    assert [e.factors for e in effects] == [("ratio",), ("adapt",), ("ratio", "adapt")]
    # cells in order: token none, token tanh, segment none, ...
    ratio = np.array([[-1, -1, 1, 1, 0, 0], [-1, -1, 0, 0, 1, 1]]) / 2
    adapt = np.array([[-1, 1, -1, 1, -1, 1]]) / 3
    both = np.array([[1, -1, -1, 1, 0, 0], [1, -1, 0, 0, -1, 1.0]])
    for effect, rows_of in zip(effects, (ratio, adapt, both), strict=True):
        assert (effect.f, effect.p) == pytest.approx(johansen(score, level, rows_of), rel=1e-8)


def test_one_factor_of_two_levels_is_welchs_t() -> None:
    draw = np.random.default_rng(3)
    a, b = draw.normal(size=5), draw.normal(1, 3, size=9)
    (effect,) = factorial_effects([*a, *b], rows({("x",): 5, ("y",): 9}), ("rule",))
    theirs = stats.ttest_ind(b, a, equal_var=False)
    assert effect.p == pytest.approx(theirs.pvalue)
    ends = theirs.confidence_interval()
    interval = effect.contrasts[0][1]
    assert (interval.low, interval.high) == pytest.approx((ends.low, ends.high))


def test_contrasts_are_differences_of_marginal_means() -> None:
    # cell means 1 2 / 4 9 (runs at +-1): adapt 1.5 -> 6.5; ratio 2.5 -> 5.5; of differences (9-4)-(2-1) = 4
    level = rows({("token", "none"): 2, ("segment", "none"): 2, ("token", "tanh"): 2, ("segment", "tanh"): 2})
    score = [0.0, 2.0, 1.0, 3.0, 3.0, 5.0, 8.0, 10.0]
    ratio, adapt, both = factorial_effects(score, level, FACTORS)
    assert ratio.contrasts[0][0] == ("segment",)
    assert ratio.contrasts[0][1].point == pytest.approx(3.0)
    assert (adapt.contrasts[0][0], adapt.contrasts[0][1].point) == (("tanh",), pytest.approx(5.0))
    assert (both.contrasts[0][0], both.contrasts[0][1].point) == (("segment", "tanh"), pytest.approx(4.0))
    # every cell has variance 2 and two runs: sum of (1/2)^2 * 2 / 2 over four cells is 1, Satterthwaite's df 1 / (4 / 16) = 4;
    # t(.975, 4) = 2.776445
    assert ratio.contrasts[0][1].half_width == pytest.approx(2.776445, abs=1e-6)
    assert (ratio.f, ratio.df) == (pytest.approx(9.0), (1, 4))


def test_within_seeds_a_contrast_is_a_paired_t_and_several_are_hotellings() -> None:
    draw = np.random.default_rng(8)
    seeds = range(7)
    table = draw.normal(size=7)[:, None] * 5 + draw.normal(size=(7, 3))  # seeds differ far more than levels
    level = [(name,) for name in ("a", "b", "c") for _ in seeds]
    score, seed = list(table.T.ravel()), [*seeds] * 3
    (three,) = factorial_effects(score, level, ("rule",), seed)
    d = table[:, 1:] - table[:, :1]
    squared = 7 * d.mean(0) @ np.linalg.solve(np.cov(d, rowvar=False), d.mean(0))
    assert three.f == pytest.approx(squared * 5 / (6 * 2))
    assert three.p == pytest.approx(stats.f.sf(three.f, 2, 5))
    (two,) = factorial_effects(score[:14], level[:14], ("rule",), seed[:14])
    theirs = stats.ttest_rel(table[:, 1], table[:, 0])
    assert two.p == pytest.approx(theirs.pvalue)
    ends = theirs.confidence_interval()
    assert (two.contrasts[0][1].low, two.contrasts[0][1].high) == pytest.approx((ends.low, ends.high))


def test_what_cannot_be_tested_is_refused_in_a_sentence() -> None:
    grid = rows({("token", "none"): 2, ("segment", "none"): 2, ("token", "tanh"): 2})
    full = [*grid, ("segment", "tanh")]
    for score, level, seeds, sentence in (
        (range(6), grid, None, "there is none at ratio = segment, adapt = tanh"),
        (range(6), [("token", a) for _, a in grid], None, "factor ratio has 1 level"),
        (range(4), sorted(set(full)), None, "nothing estimates the error: not every cell has two runs"),
        ([1.0] * 8, sorted([*full, full[-1]]), None, "runs of a cell are all equal"),
        (range(5), grid, None, "5 scores need as many rows of 2 levels"),
        (range(7), full, [0, 1, 0, 1, 0, 1, 0], "each of 4 cells needs one run of each of 2 seeds, got 7"),
        (range(4), sorted(set(full)), [0] * 4, "there is one seed"),
    ):
        with pytest.raises(ValueError, match=sentence):
            factorial_effects([float(s) for s in score], level, FACTORS, seeds)
    three = [(name,) for name in "abc"] * 2
    with pytest.raises(ValueError, match="an effect of 2 contrasts needs more than 2 seeds"):
        factorial_effects([1.0, 2, 3, 2, 5, 1], three, ("rule",), [0, 0, 0, 1, 1, 1])
