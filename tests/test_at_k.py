"""pass@k and maj@k against every subset of the samples."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from itertools import combinations
from statistics import fmean

import pytest
from hypothesis import strategies as st

from sspo.metrics.at_k import maj_at_k, pass_at_k
from tests.laws import law

RIGHT, SILENT = "right", None
ANSWERS = st.lists(st.sampled_from([RIGHT, "a", "b", "c", SILENT]), min_size=1, max_size=8)


def majority_is_right(votes: tuple[str | None, ...]) -> Fraction:
    """By counting: the share of the right answer among those with most votes."""
    counts = Counter(vote for vote in votes if vote is not SILENT)
    first = [vote for vote, count in counts.items() if count == max(counts.values())]
    return Fraction(first.count(RIGHT), len(first) or 1)


@law(60, 600, answers=ANSWERS, data=st.data())
def test_both_are_means_over_all_subsets_of_k(answers: list[str | None], data: st.DataObject) -> None:
    n, correct = len(answers), answers.count(RIGHT)
    k = data.draw(st.integers(1, n))
    subsets = list(combinations(answers, k))
    assert pass_at_k(n, correct, k) == pytest.approx(fmean(RIGHT in s for s in subsets), abs=1e-12)
    wrong = [answers.count(answer) for answer in "abc"]
    by_counting = sum(map(majority_is_right, subsets), Fraction(0)) / len(subsets)
    assert maj_at_k(n, correct, wrong, k) == pytest.approx(float(by_counting), abs=1e-12)


def test_majorities_by_hand() -> None:
    # one sample of four is looked at: the share of right ones, 2 of 4
    assert maj_at_k(4, 2, [1], 1) == pytest.approx(0.5, abs=1e-12)
    # all of (right, right, a, silent): two votes against one
    assert maj_at_k(4, 2, [1], 4) == pytest.approx(1.0, abs=1e-12)
    # three of (right, right, a, a): four subsets, each with a majority of two, half of them right
    assert maj_at_k(4, 2, [2], 3) == pytest.approx(0.5, abs=1e-12)
    # two of (right, a): one vote each, so half
    assert maj_at_k(2, 1, [1], 2) == pytest.approx(0.5, abs=1e-12)
    # nobody answers
    assert maj_at_k(3, 0, [], 3) == pytest.approx(0.0, abs=1e-12)
    assert maj_at_k(64, 40, [20, 4], 64) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize(
    ("n", "correct", "others", "k"),
    [(4, 5, [], 1), (4, 2, [3], 1), (4, 2, [], 5), (4, -1, [], 1), (4, 1, [], 0)],
)
def test_counts_that_do_not_fit_are_refused(n: int, correct: int, others: list[int], k: int) -> None:
    with pytest.raises(ValueError, match="maj@"):
        maj_at_k(n, correct, others, k)
