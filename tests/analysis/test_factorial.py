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


def type_three(score: np.ndarray, level: list[tuple[str, ...]], drop: tuple[int, ...]) -> tuple[float, float]:
    """F and p of a term by two least-squares fits in sum-to-zero coding: with all terms, and without one."""
    columns = {}
    codes = []
    for f in range(len(level[0])):
        names = sorted({row[f] for row in level})
        eye = np.vstack([np.eye(len(names) - 1), -np.ones(len(names) - 1)])
        codes.append(np.array([eye[names.index(row[f])] for row in level]))
    for size in range(len(codes) + 1):
        for subset in itertools.combinations(range(len(codes)), size):
            block = np.ones((len(level), 1))
            for f in subset:
                block = (block[:, :, None] * codes[f][:, None, :]).reshape(len(level), -1)
            columns[subset] = block

    def residual(blocks: list[np.ndarray]) -> float:
        x = np.hstack(blocks)
        return float(np.sum((score - x @ np.linalg.lstsq(x, score, rcond=None)[0]) ** 2))

    full, reduced = residual(list(columns.values())), residual([b for s, b in columns.items() if s != drop])
    q, df = columns[drop].shape[1], len(level) - sum(b.shape[1] for b in columns.values())
    f = (reduced - full) / q / (full / df)
    return f, float(stats.f.sf(f, q, df))


@pytest.mark.parametrize("counts", [(4, 4, 4, 4, 4, 4), (2, 5, 3, 1, 4, 2)])
def test_balanced_and_unbalanced_designs_equal_type_three_least_squares(counts: tuple[int, ...]) -> None:
    cells = list(itertools.product(("token", "segment", "response"), ("none", "tanh")))
    level = rows(dict(zip(cells, counts, strict=True)))
    score = np.random.default_rng(5).normal(size=len(level)) + [r[0] == "segment" for r in level]
    effects = factorial_effects(list(score), level, FACTORS)
    assert [e.factors for e in effects] == [("ratio",), ("adapt",), ("ratio", "adapt")]
    for effect, term in zip(effects, ((0,), (1,), (0, 1)), strict=True):
        f, p = type_three(score, level, term)
        assert (effect.f, effect.p) == pytest.approx((f, p), rel=1e-8)


def test_contrasts_are_differences_of_marginal_means() -> None:
    # cell means 1 2 / 4 9 (runs at +-1): adapt 1.5 -> 6.5; ratio 2.5 -> 5.5; of differences (9-4)-(2-1) = 4
    level = rows({("token", "none"): 2, ("segment", "none"): 2, ("token", "tanh"): 2, ("segment", "tanh"): 2})
    score = [0.0, 2.0, 1.0, 3.0, 3.0, 5.0, 8.0, 10.0]
    ratio, adapt, both = factorial_effects(score, level, FACTORS)
    assert ratio.contrasts[0][0] == ("segment",)
    assert ratio.contrasts[0][1].point == pytest.approx(3.0)
    assert (adapt.contrasts[0][0], adapt.contrasts[0][1].point) == (("tanh",), pytest.approx(5.0))
    assert (both.contrasts[0][0], both.contrasts[0][1].point) == (("segment", "tanh"), pytest.approx(4.0))
    # pooled variance 2 on 4 df: a difference of two means of four has error 1, t(.975, 4) = 2.776445
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
        (range(4), sorted(set(full)), None, "nothing estimates the error: no cell has two runs"),
        ([1.0] * 7, full, None, "runs of a cell are all equal"),
        (range(5), grid, None, "5 scores need as many rows of 2 levels"),
        (range(7), full, [0, 1, 0, 1, 0, 1, 0], "each of 4 cells needs one run of each of 2 seeds, got 7"),
        (range(4), sorted(set(full)), [0] * 4, "there is one seed"),
    ):
        with pytest.raises(ValueError, match=sentence):
            factorial_effects([float(s) for s in score], level, FACTORS, seeds)
    three = [(name,) for name in "abc"] * 2
    with pytest.raises(ValueError, match="an effect of 2 contrasts needs more than 2 seeds"):
        factorial_effects([1.0, 2, 3, 2, 5, 1], three, ("rule",), [0, 0, 0, 1, 1, 1])
