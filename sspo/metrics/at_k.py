"""Scores of several answers to one question: exact expectations over the choice of k of n samples."""

from __future__ import annotations

import functools
import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Chances = NDArray[np.float64]


def pass_at_k(n: int, correct: int, k: int) -> float:
    """Return the unbiased pass@k from `correct` of `n` samples (arXiv 2107.03374). Raises ValueError unless k <= n."""
    if not 0 <= correct <= n or not 1 <= k <= n:
        raise ValueError(f"pass@{k} from {correct} of {n} samples")
    return 1.0 - math.comb(n - correct, k) / math.comb(n, k)


def maj_at_k(n: int, correct: int, others: Sequence[int], k: int) -> float:
    """Return the unbiased maj@k: the probability that the most frequent answer of k of the `n` samples is right.

    `correct` samples are right and so share one answer; `others` counts the samples of each wrong answer. The remaining
    samples gave no answer: they count among the k but cast no vote. Answers with equally many votes share the
    probability; k samples without any vote are wrong. After self-consistency (arXiv 2203.11171), averaged over all
    subsets of size k. Raises ValueError unless the counts fit into n and k <= n.
    """
    if min(n - correct - sum(others), correct, *others, 0) < 0 or not 1 <= k <= n:
        raise ValueError(f"maj@{k} of {n} samples with {correct} right and others {list(others)}")
    return _majority(n, correct, tuple(sorted(count for count in others if count)), k)


def majority(values: Sequence[float], answers: Sequence[str | None], k: int) -> float:
    """Return the unbiased maj@k of one question's samples.

    Right samples (value 1) are one answer, however it is written; wrong ones vote by their text, None casts no vote.
    Raises ValueError unless k is at most the number of samples.
    """
    wrong = Counter(a for v, a in zip(values, answers, strict=True) if v < 1 and a is not None)
    return maj_at_k(len(values), sum(v >= 1 for v in values), list(wrong.values()), k)


@functools.lru_cache(maxsize=100_000)
def _majority(n: int, correct: int, others: tuple[int, ...], k: int) -> float:
    """Return maj@k by polynomial multiplication.

    Each sample is among the k with probability k/n, independently, given that k are. Answers therefore multiply as
    polynomials whose coefficients are binomial probabilities, and no number leaves the range of a float.
    """
    p = k / n
    right = _chances(correct, p)
    wins = 0.0
    for votes in range(1, min(correct, k) + 1):
        if others and votes <= others[-1]:
            others_N = _outvoted(others, votes, k - votes, p)
            rest_N = np.convolve(others_N, _chances(n - correct - sum(others), p))
        else:
            rest_N = _chances(n - correct, p)  # no answer has as many votes
        wins += float(right[votes] * rest_N[k - votes]) if k - votes < len(rest_N) else 0.0
    return min(1.0, wins / float(_chances(n, p)[k]))


def _outvoted(others: tuple[int, ...], votes: int, most: int, p: float) -> Chances:
    """Return, by the number of wrong answers drawn, the probability that none has more than `votes`, over one more than
    the number of ties.

    1 / (1 + ties) is the integral of y^ties over [0, 1]: a wrong answer that ties contributes y, and the Gauss rule has
    enough nodes to make the sum exact.
    """
    tying = sum(count >= votes for count in others)
    node, weight = np.polynomial.legendre.leggauss(tying // 2 + 1)
    total = np.zeros(1)
    for y, w in zip((node + 1) / 2, weight / 2, strict=True):
        product = np.ones(1)
        for count, answers in Counter(others).items():
            one = _chances(count, p)[: votes + 1].copy()
            one[votes:] *= y
            product = _times(product, _power(one, answers, most), most)
        total = _added(total, w * product)
    return total


def _chances(count: int, p: float) -> Chances:
    """Return the binomial probabilities of 0 to `count`."""
    if p == 1:
        return np.concatenate([np.zeros(count), np.ones(1)])
    j = np.arange(count + 1)
    ways = np.array([math.lgamma(count + 1) - math.lgamma(i + 1) - math.lgamma(count - i + 1) for i in j])
    chances: Chances = np.exp(ways + j * math.log(p) + (count - j) * math.log1p(-p))
    return chances


def _power(one: Chances, times: int, most: int) -> Chances:
    """Return a power of a polynomial, up to x^most."""
    result = np.ones(1)
    while times:
        if times & 1:
            result = _times(result, one, most)
        one, times = _times(one, one, most), times >> 1
    return result


def _times(a: Chances, b: Chances, most: int) -> Chances:
    product: Chances = np.convolve(a, b)
    return product[: most + 1]


def _added(a: Chances, b: Chances) -> Chances:
    total: Chances = np.zeros(max(len(a), len(b)))
    total[: len(a)] += a
    total[: len(b)] += b
    return total
