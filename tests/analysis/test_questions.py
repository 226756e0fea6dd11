"""Errors over questions and pairs of questions: by hand, beside a bootstrap of questions, and how often intervals hold."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import strategies as st
from scipy import special

from analysis.statistics import evaluation_error, named_rng, paired_by_question, paired_t, question_error
from analysis.statistics.questions import Floats
from tests.laws import law

STUDIES = 4000


def test_two_sets_by_hand() -> None:
    # set 1: differences 1, 0, -1/2, 1/2: mean 1/4, squared deviations 9/16 + 1/16 + 9/16 + 1/16 = 5/4, variance 5/12,
    # over 4 questions 5/48. Set 2: 0, 1: mean 1/2, variance 1/2, over 2 questions 1/4
    a = [np.array([1, 0.5, 0, 1]), np.array([0.5, 1])]
    b = [np.array([0, 0.5, 0.5, 0.5]), np.array([0.5, 0])]
    found = paired_by_question(a, b)
    assert found.difference == pytest.approx(3 / 8)
    error = math.sqrt(5 / 48 + 1 / 4) / 2
    assert found.error == pytest.approx(error)
    # (5/48 + 12/48)^2 / ((5/48)^2 / 3 + (12/48)^2 / 1) = 289 / (25 / 3 + 144) = 867 / 457
    assert found.df == pytest.approx(867 / 457)
    assert found.high == pytest.approx(3 / 8 + error * special.stdtrit(867 / 457, 0.975))
    assert found.p == pytest.approx(2 * special.stdtr(867 / 457, -(3 / 8) / error))
    assert found.questions == 6
    # error^2 = a^2 + b^2 - 2 r a b
    ea, eb = question_error(a), question_error(b)
    assert ea is not None
    assert eb is not None
    assert found.correlation == pytest.approx((ea**2 + eb**2 - error**2) / (2 * ea * eb))


def test_what_has_no_spread_has_no_interval() -> None:
    equal = paired_by_question([np.array([0.5, 0.75])], [np.array([0.25, 0.5])])
    assert (equal.difference, equal.low, equal.p) == (0.25, None, None)
    assert equal.correlation == pytest.approx(1)
    lone = paired_by_question([np.array([1.0]), np.array([0, 1.0])], [np.array([0.0]), np.array([0, 0.0])])
    assert (lone.difference, lone.error, lone.correlation) == (0.75, None, None)
    assert paired_by_question([np.array([1.0, 0])], [np.array([1.0, 1])]).correlation is None
    assert question_error([]) is None
    with pytest.raises(ValueError, match="do not hold the same questions"):
        paired_by_question([np.array([1.0])], [np.array([1.0, 0.0])])
    with pytest.raises(ValueError, match="do not hold the same questions"):
        paired_by_question([], [])


def sets_of(seed: int, sizes: list[int]) -> list[Floats]:
    rng = named_rng("questions", seed)
    return [rng.integers(0, 5, size) / 4 for size in sizes]


@law(10, 500, seed=st.integers(0, 10_000), sizes=st.lists(st.integers(2, 9), min_size=1, max_size=4))
def test_it_is_the_paired_t_of_one_set_and_the_error_of_one_score(seed: int, sizes: list[int]) -> None:
    a, b = sets_of(seed, sizes), sets_of(seed + 1, sizes)
    assert question_error(a) == pytest.approx(evaluation_error([v[:, None] for v in a]).clustered)
    one, known = paired_by_question(a[:1], b[:1]), paired_t(a[0].tolist(), b[0].tolist())
    assert one.difference == pytest.approx(known.difference)
    assert (one.p, one.low) == pytest.approx((known.p, known.low)) if known.p else one.p is None
    there, back = paired_by_question(a, b), paired_by_question(b, a)
    assert (there.difference, there.error) == pytest.approx((-back.difference, back.error))
    # more questions of the same kind: the error of twice as many copies is less
    if there.error is not None:
        twice = paired_by_question([np.tile(v, 2) for v in a], [np.tile(v, 2) for v in b])
        assert twice.error is not None
        assert twice.error <= there.error + 1e-12


def test_a_bootstrap_of_questions_gives_the_same_error() -> None:
    rng = named_rng("bootstrap of questions")
    ability = [rng.uniform(size=size) for size in (40, 80)]
    sample_QK = [(rng.uniform(size=(len(p), 4)) < p[:, None]).astype(float) for p in ability]
    # whole questions are drawn, with all their samples, within their set; a bootstrap's variance is (Q - 1) / Q of ours
    drawn = [np.mean([v[rng.integers(0, len(v), len(v))].mean() for v in sample_QK]) for _ in range(4000)]
    expected = math.sqrt(sum(v.mean(1).var() / len(v) for v in sample_QK)) / 2
    found = question_error([v.mean(axis=1) for v in sample_QK])
    # 4,000 draws know a standard deviation to 1.1 %
    assert np.std(drawn) == pytest.approx(expected, rel=0.04)
    assert found == pytest.approx(expected, rel=0.02)
    naive = math.sqrt(sum(v.var() / v.size for v in sample_QK)) / 2  # samples taken for questions
    assert found is not None
    assert naive < 0.75 * found


def coverage(questions: int, sets: int, normal: bool = False) -> float:
    """How often the 95 % interval of two models' difference holds the truth: binary answers, one a question, that agree
    on hard and easy questions, the better one right by 10 points more."""
    rng = named_rng("coverage by question", questions, sets)
    held = 0
    for _ in range(STUDIES):
        p = [np.clip(rng.beta(0.5, 0.5, questions), 0.0, 0.9) for _ in range(sets)]
        a = [(rng.uniform(size=questions) < v + 0.1).astype(float) for v in p]
        b = [(rng.uniform(size=questions) < v).astype(float) for v in p]
        found = paired_by_question(a, b)
        if found.error is None:
            held += found.difference == 0.1
            continue
        assert found.df is not None
        half = found.error * (1.959964 if normal else float(special.stdtrit(found.df, 0.975)))
        held += abs(found.difference - 0.1) <= half
    return held / STUDIES


@pytest.mark.acceptance
@pytest.mark.parametrize(("questions", "sets"), [(30, 1), (500, 1), (30, 5), (100, 5)])
def test_intervals_by_question_cover_what_they_claim(questions: int, sets: int) -> None:
    # a rate of 95 % in 4,000 studies has a standard error of .34 points; the normal interval is too short at 30 questions
    t, normal = coverage(questions, sets), coverage(questions, sets, normal=True)
    assert 0.935 <= t <= 0.965, f"{questions} questions of {sets} sets: {t}"
    assert normal <= t
